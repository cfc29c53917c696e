export default async function (fastify, opts) {
  fastify.post('/', async function (request, reply) {
    const { text, rounds } = request.body
    if (!Number.isInteger(rounds)) throw fastify.httpErrors.badRequest('rounds')
    return fastify.pool.run({ text, rounds })
  })
}
