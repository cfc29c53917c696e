// Everything the service is told from outside, read once and checked before anything starts.
import { readFile } from 'node:fs/promises';

const required = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`environment variable ${name} is not set`);
  return value;
};

const secrets = process.env.SECRETS_FOLDER ?? '/run/secrets';
const secret = async (name) => (await readFile(`${secrets}/${name}`, 'utf8')).trim();

export async function readConfig() {
  return {
    host: process.env.HOST ?? '127.0.0.1',
    port: Number(process.env.PORT ?? 18080),
    logLevel: process.env.LOG_LEVEL ?? 'info',
    database: {
      host: required('DATABASE_HOST'),
      port: Number(required('DATABASE_PORT')),
      user: 'orders',
      database: 'orders',
      password: await secret('database-password'),
    },
    prices: {
      origin: required('PRICES_ORIGIN'),
      // The price service is signed by a private CA: trusted for this one upstream, nowhere else.
      ca: await readFile(required('PRICES_CA'), 'utf8'),
    },
    signingKey: Buffer.from(await secret('invoice-signing-key'), 'base64url'),
  };
}
