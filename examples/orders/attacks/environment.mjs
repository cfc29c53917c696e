// reads a token from the environment of whoever started the service
const [name] = process.argv.slice(1);
const value = process.env[name];
console.log(JSON.stringify({ reached: value !== undefined, saw: value ? `${name} is set` : `${name} is not set` }));
