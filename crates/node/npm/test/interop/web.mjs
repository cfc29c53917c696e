// What stands before and behind the guards in services.
export { default as Ajv } from 'ajv';
export { default as express } from 'express';
export { default as fastify } from 'fastify';
export { z } from 'zod';
