// Makes a private CA and one server certificate in a folder, anew for every run.
// Usage: node certificates.mjs FOLDER NAME [NAME...]   (a NAME may be an address)
// Writes ca.pem, cert.pem and key.pem (mode 0600). The CA's own key is never written.
import 'reflect-metadata';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

const [folder, ...names] = process.argv.slice(2);
const notBefore = new Date(Date.now() - HOUR);
const notAfter = new Date(Date.now() + 24 * HOUR);
const newKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const serial = () => crypto.randomUUID().replaceAll('-', '').replace(/^./, '1');

const caKeys = await newKeys();
const ca = await x509.X509CertificateGenerator.createSelfSigned({
  serialNumber: serial(),
  name: 'CN=ringfence example CA',
  notBefore,
  notAfter,
  signingAlgorithm: algorithm,
  keys: caKeys,
  extensions: [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
  ],
});

const keys = await newKeys();
const certificate = await x509.X509CertificateGenerator.create({
  serialNumber: serial(),
  subject: `CN=${names[0]}`,
  issuer: ca.subject,
  notBefore,
  notAfter,
  signingAlgorithm: algorithm,
  publicKey: keys.publicKey,
  signingKey: caKeys.privateKey,
  extensions: [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
    new x509.SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
    ),
    await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
  ],
});

const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'ca.pem'), `${ca.toString('pem')}\n`);
await writeFile(join(folder, 'cert.pem'), `${certificate.toString('pem')}\n`);
await writeFile(
  join(folder, 'key.pem'),
  `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g).join('\n')}\n-----END PRIVATE KEY-----\n`,
  { mode: 0o600 },
);
