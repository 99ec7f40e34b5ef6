// The fleet service over a port: what readers, followers and the journal see of a source as it goes on.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  connectFleet,
  DecisionStore,
  type FleetConnection,
  type FleetEvent,
  FleetService,
  type FleetSource,
  fleetServiceDefaults,
  MembershipStore,
  type SourceChange,
  serveFleet,
} from '../../../src/fleet/index.ts'
import { objectKey } from '../../../src/fleet/source/manifest-file.ts'
import { Journal, journalDefaults } from '../../../src/journal/index.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import { RecordingFiles, randomOf } from '../../tsdb/recording-files.ts'
import { type ReadSample, readMessage } from './read-samples.ts'

class FakeSource implements FleetSource {
  readonly name = 'hub'
  readonly kind = 'fake'
  change: (change: SourceChange) => void = () => undefined

  async start(onChange: (change: SourceChange) => void): Promise<void> {
    this.change = onChange
  }

  status() {
    return {
      name: 'hub',
      kind: 'fake',
      state: 'synced',
      sinceMs: 0,
      message: '',
      parts: [],
    } as const
  }

  async close(): Promise<void> {}
}

function cluster(name: string, status: string) {
  const object = {
    apiVersion: 'cluster.open-cluster-management.io/v1',
    kind: 'ManagedCluster',
    metadata: { name },
    spec: { hubAcceptsClient: true },
    status: {
      conditions: [
        { type: 'HubAcceptedManagedCluster', status: 'True' },
        { type: 'ManagedClusterJoined', status: 'True' },
        { type: 'ManagedClusterConditionAvailable', status, message: `it is ${status}` },
      ],
    },
  }
  return { key: objectKey(object), object }
}

const upsert = (...upserts: ReturnType<typeof cluster>[]): SourceChange => ({
  upserts,
  deletes: [],
  synced: true,
})

let directory: string
let source: FakeSource
let fleet: FleetConnection
let samples: ReadSample[]
let files: RecordingFiles

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'service-'))
  files = new RecordingFiles(randomOf(1))
  await open()
})

afterEach(async () => {
  await fleet.close()
  await rm(directory, { recursive: true })
})

async function open(): Promise<void> {
  source = new FakeSource()
  samples = []
  const { port1, port2 } = new MessageChannel()
  const onDamage = (message: string): void => {
    throw new Error(message)
  }
  const journal = Journal.open<FleetEvent>({ ...journalDefaults, directory: '/j', files, onDamage })
  const memberships = await MembershipStore.open(join(directory, 'm.json'), journal)
  const opened = Promise.withResolvers<void>()
  serveFleet(port2, async ({ write, onMembership }) => {
    const service = new FleetService({
      sources: [source],
      embedded: new Set(['hub']),
      decisions: new DecisionStore(directory),
      memberships,
      writeScores: async () => ({ failureCount: 0, failures: [] }),
      journal,
      mirror: undefined,
      write,
      onMembership,
      log: createLogger('fatal'),
      now: Date.now,
      options: { ...fleetServiceDefaults, coalesceMs: 5 },
    })
    await service.start()
    opened.resolve()
    return service
  })
  fleet = connectFleet(port1, {
    write: async (body) => void samples.push(...readMessage(body)),
    onMembership: () => undefined,
  })
  await opened.promise
  port1.unref()
  port2.unref()
}

async function names(): Promise<readonly string[]> {
  const call = { kind: 'list', list: 'clusters', scope: 'all', filter: {}, limit: 100 } as const
  const { body } = await fleet.ask({ ...call, format: 'json' })
  const text = new TextDecoder().decode(body)
  const answer = JSON.parse(text) as { data: { items: { name: string; state: string }[] } }
  return answer.data.items.map(({ name, state }) => `${name} ${state}`)
}

async function eventsAfter(afterId: number): Promise<readonly FleetEvent[]> {
  const ending = new AbortController()
  for await (const events of fleet.follow({ afterId, scope: 'all' }, ending.signal)) {
    ending.abort()
    return events
  }
  return []
}

test('a source that has not been read whole shows nothing', async () => {
  source.change({ ...upsert(cluster('one', 'True')), synced: false })
  await new Promise((done) => setTimeout(done, 50))
  expect(await names()).toEqual([])
  source.change(upsert(cluster('two', 'True')))
  await expect.poll(names).toEqual(['one available', 'two available'])
})

test('a change is an event that followers hear of, and a sample', async () => {
  source.change(upsert(cluster('one', 'True')))
  await expect.poll(names).toEqual(['one available'])
  const heard = eventsAfter(0)
  source.change(upsert(cluster('one', 'False')))
  expect(await heard).toMatchObject([
    { id: 1, kind: 'cluster', name: 'one', from: 'available', to: 'unavailable' },
  ])
  const state = () =>
    samples.findLast(
      ({ labels }) =>
        labels.__name__ === 'crowsnest_fleet_cluster_state' && labels.state === 'unavailable',
    )?.value
  await expect.poll(state).toBe(1)
})

test('changes within a moment are taken in together: back and forth is no event', async () => {
  source.change(upsert(cluster('one', 'True')))
  await expect.poll(names).toEqual(['one available'])
  source.change(upsert(cluster('one', 'False')))
  source.change(upsert(cluster('one', 'True')))
  source.change(upsert(cluster('two', 'True')))
  expect((await eventsAfter(0)).map(({ name }) => name)).toEqual(['two'])
})

test('what changed while a source could not be watched says since when', async () => {
  source.change(upsert(cluster('one', 'True')))
  await expect.poll(names).toEqual(['one available'])
  source.change({ ...upsert(cluster('one', 'False')), unseenSinceMs: 77 })
  expect(await eventsAfter(0)).toMatchObject([{ name: 'one', unseenSinceMs: 77 }])
})

test('a follower of ids that are not kept is told so', async () => {
  await expect(eventsAfter(5)).rejects.toMatchObject({ code: 'gone' })
})

test('a mistake of a reader comes over the port as what it is', async () => {
  const call = { kind: 'list', list: 'clusters', scope: 'all', filter: {}, limit: 0 } as const
  await expect(fleet.ask({ ...call, format: 'json' })).rejects.toMatchObject({ code: 'bad_data' })
})

test('ids go on after a restart, and nothing is told twice', async () => {
  source.change(upsert(cluster('one', 'True')))
  await expect.poll(names).toEqual(['one available'])
  source.change(upsert(cluster('one', 'False')))
  await eventsAfter(0)
  await fleet.close()
  await open()
  source.change(upsert(cluster('one', 'False'), cluster('two', 'True')))
  expect(await eventsAfter(1)).toMatchObject([
    { id: 2, name: 'two', unseenSinceMs: expect.any(Number) },
  ])
})
