import fp from 'fastify-plugin'
import { Piscina } from 'piscina'

// The one plugin that is not the generator's: a pool of two worker threads.
export default fp(async (fastify) => {
  const pool = new Piscina({
    filename: new URL('../work/digest.mjs', import.meta.url).href,
    minThreads: 2,
    maxThreads: 2
  })
  fastify.decorate('pool', pool)
  fastify.addHook('onClose', () => pool.destroy())
})
