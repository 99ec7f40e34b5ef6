// The fleet thread of the benchmark: the real service over a simulated hub, which begins to change when it is told to.

import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import {
  DecisionStore,
  type FleetEvent,
  FleetService,
  type FleetSource,
  fleetServiceDefaults,
  MembershipStore,
  type SourceChange,
  serveFleet,
} from '../src/fleet/index.ts'
import { Journal, journalDefaults } from '../src/journal/index.ts'
import { createLogger } from '../src/telemetry/index.ts'
import { nodeFiles } from '../src/tsdb/index.ts'
import { cluster, hubObjects, hubSize, received, replicatedPolicy } from './fleet-hub.ts'

/** Objects of one page of a list. */
const pageSize = 500

const { port, directory } = workerData as { readonly port: MessagePort; readonly directory: string }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

class SimulatedHub implements FleetSource {
  readonly name = 'hub'
  readonly kind = 'simulated'
  #onChange: (change: SourceChange) => void = () => undefined
  #isSynced = false

  async start(onChange: (change: SourceChange) => void): Promise<void> {
    this.#onChange = onChange
    void this.#list()
  }

  status() {
    const state = this.#isSynced ? ('synced' as const) : ('syncing' as const)
    return { name: this.name, kind: this.kind, state, sinceMs: 0, message: '', parts: [] }
  }

  async close(): Promise<void> {}

  /** One change, as a watch brings it. */
  change(object: Parameters<typeof received>[0]): void {
    this.#onChange({ upserts: [received(object)], deletes: [], synced: true })
  }

  async #list(): Promise<void> {
    let upserts: ReturnType<typeof received>[] = []
    for (const object of hubObjects()) {
      upserts.push(received(object))
      if (upserts.length < pageSize) continue
      this.#onChange({ upserts, deletes: [], synced: false })
      upserts = []
      await new Promise((done) => setImmediate(done))
    }
    this.#isSynced = true
    this.#onChange({ upserts, deletes: [], synced: true })
  }
}

const hub = new SimulatedHub()

serveFleet(port, async ({ write, onMembership }) => {
  const journal = Journal.open<FleetEvent>({
    ...journalDefaults,
    directory: join(directory, 'journal'),
    files: nodeFiles,
    onDamage: (message) => {
      throw new Error(message)
    },
  })
  const service = new FleetService({
    sources: [hub],
    embedded: new Set(),
    decisions: new DecisionStore(join(directory, 'decisions')),
    memberships: await MembershipStore.open(join(directory, 'memberships.json'), journal),
    writeScores: async () => ({ failureCount: 0, failures: [] }),
    journal,
    mirror: undefined,
    write,
    onMembership,
    log: createLogger('error'),
    now: Date.now,
    options: fleetServiceDefaults,
  })
  await service.start()
  const ask = service.ask.bind(service)
  service.ask = (call) => {
    const fromMs = cpuMs()
    const answer = ask(call)
    askMs.push(cpuMs() - fromMs)
    return answer
  }
  return service
})

// CPU time of this thread says what a call costs where other processes compete for the machine.
const askMs: number[] = []
const tickMs: number[] = []
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
let tickStartMs = cpuMs()
setInterval(() => {
  const nowMs = cpuMs()
  if (isChanging) tickMs.push(nowMs - tickStartMs)
  tickStartMs = nowMs
}, 5)

let isChanging = false

// Fifty changes a second: policies on clusters, and every other second a cluster that goes or comes back.
function change(number: number): void {
  const own = (number * 37) % hubSize.clusters
  if (number % 100 === 0)
    hub.change(cluster(own, number % 200 === 0 ? 'False' : 'True', `changed at ${Date.now()}`))
  else hub.change(replicatedPolicy((number * 7) % hubSize.policies, own, number % 2 === 0))
}

let changeCount = 0
parentPort!.on('message', (message: 'change' | 'rest' | 'collect') => {
  if (message === 'collect') {
    collect()
    const { heapUsed: heapBytes, rss: rssBytes } = process.memoryUsage()
    parentPort!.postMessage({ heapBytes, rssBytes, askMs, tickMs })
  } else isChanging = message === 'change'
})
setInterval(() => {
  if (isChanging) change(changeCount++)
}, 20)
