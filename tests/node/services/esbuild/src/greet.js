export const greet = (name) => `Hello, ${name}!`;
export const unused = 'left out of the bundle';
