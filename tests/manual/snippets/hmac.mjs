const enc = new TextEncoder();
export async function hmacSha256(secret, message) {
const key = await crypto.subtle.importKey(
'raw',
enc.encode(secret),
{ name: 'HMAC', hash: 'SHA-256' },
false,
['sign'],
);
const signature = await crypto.subtle.sign('HMAC', key, enc.encode(message));
return Buffer.from(signature).toString('base64url');
}
