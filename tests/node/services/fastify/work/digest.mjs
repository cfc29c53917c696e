import { pbkdf2Sync } from 'node:crypto'
import { threadId } from 'node:worker_threads'

export default ({ text, rounds }) => ({
  digest: pbkdf2Sync(text, 'salt', rounds, 32, 'sha256').toString('hex'),
  worker: threadId > 0
})
