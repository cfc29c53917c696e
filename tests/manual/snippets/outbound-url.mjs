const allowedHosts = new Set(['api.stripe.com', 'api.github.com']);
export function parseOutboundUrl(raw) {
const url = new URL(raw);
if (url.protocol !== 'https:') throw new Error('https required');
if (!allowedHosts.has(url.hostname)) throw new Error('host denied');
if (url.username || url.password) throw new Error('embedded credentials denied');
return url;
}
