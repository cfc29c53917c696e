const userIdPattern = /^[a-zA-Z0-9_-]{3,64}$/;
export function parseUserId(value) {
if (typeof value !== 'string' || !userIdPattern.test(value)) {
throw Object.assign(new Error('invalid user id'), { statusCode: 400 });
}
return value;
}
