import process from 'node:process';
export function assertStartupPermissions() {
const required = [
['fs.read', '/app'],
['fs.write', '/tmp'],
['net', 'api.internal:443'],
];
for (const [scope, reference] of required) {
if (!process.permission?.has(scope, reference)) {
throw new Error(`missing permission ${scope} ${reference}`);
}
}
}
