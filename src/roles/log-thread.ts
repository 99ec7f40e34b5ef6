// Log thread: one per disk; runs the commits of all lanes as synchronous writes and syncs, away from libuv's pool.
// Started as a worker; each message brings the port of one lane's log. Whoever started it terminates it
// once the logs are closed.
import { type MessagePort, parentPort } from 'node:worker_threads'
import { nodeFiles, serveCommits } from '../tsdb/index.ts'

parentPort!.on('message', ({ port }: { readonly port: MessagePort }) =>
  serveCommits(port, nodeFiles),
)
