import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
const algorithm = 'aes-256-gcm';
export function encryptJson(key, value, aad) {
const iv = randomBytes(12);
const cipher = createCipheriv(algorithm, key, iv);
cipher.setAAD(Buffer.from(aad, 'utf8'));
const plaintext = Buffer.from(JSON.stringify(value), 'utf8');
const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
const tag = cipher.getAuthTag();
return {
iv: iv.toString('base64'),
ciphertext: ciphertext.toString('base64'),
tag: tag.toString('base64'),
};
}
export function decryptJson(key, envelope, aad) {
const decipher = createDecipheriv(algorithm, key, Buffer.from(envelope.iv, 'base64'));
decipher.setAAD(Buffer.from(aad, 'utf8'));
decipher.setAuthTag(Buffer.from(envelope.tag, 'base64'));
const plaintext = Buffer.concat([
decipher.update(Buffer.from(envelope.ciphertext, 'base64')),
decipher.final(),
]);
return JSON.parse(plaintext.toString('utf8'));
}
