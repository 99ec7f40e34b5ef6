// The directory of manifests as a source of changes.

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DirectoryFleetSource, type SourceChange } from '../../../src/fleet/index.ts'

let directory: string
let source: DirectoryFleetSource | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'source-'))
})

afterEach(async () => {
  await source?.close()
  await rm(directory, { recursive: true, force: true })
})

const cluster = (name: string, label = ''): string => `
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: ${name}, labels: {is: "${label}"}}
---
`

async function write(file: string, text: string): Promise<void> {
  await writeFile(join(directory, `.${file}`), text)
  await rename(join(directory, `.${file}`), join(directory, file))
}

async function started(): Promise<SourceChange[]> {
  const changes: SourceChange[] = []
  source = new DirectoryFleetSource('here', { path: directory, pollMs: 60_000, settleMs: 10 })
  await source.start((change) => changes.push(change))
  // A file that was just written may come a little later than others.
  const first = {
    upserts: changes.flatMap(({ upserts }) => upserts),
    deletes: [],
    synced: changes.at(-1)!.synced,
  }
  expect(changes.slice(0, -1).some(({ synced }) => synced)).toBe(false)
  changes.splice(0, changes.length, first)
  return changes
}

const brief = ({ upserts, deletes, synced }: SourceChange) => ({
  upserts: upserts.map(({ key }) => key.split('/').at(-1)),
  deletes: deletes.map((key) => key.split('/').at(-1)),
  synced,
})

test('the first change holds all objects; later ones only what changed', async () => {
  await write('a.yaml', cluster('one') + cluster('two'))
  await write('b.yaml', cluster('three'))
  const changes = await started()
  expect(changes.map(brief).map(({ upserts }) => upserts.sort())).toEqual([['one', 'three', 'two']])
  expect(changes[0]!.synced).toBe(true)
  await write('b.yaml', cluster('three', 'other'))
  await expect.poll(() => changes.length).toBe(2)
  expect(brief(changes[1]!)).toEqual({ upserts: ['three'], deletes: [], synced: true })
  await rm(join(directory, 'b.yaml'))
  await expect.poll(() => changes.length).toBe(3)
  expect(brief(changes[2]!)).toEqual({ upserts: [], deletes: ['three'], synced: true })
})

test('an empty directory is read whole: it has synced', async () => {
  const changes = await started()
  expect(changes.map(brief)).toEqual([{ upserts: [], deletes: [], synced: true }])
  expect(source?.status()).toMatchObject({ name: 'here', kind: 'directory', state: 'synced' })
})

test('a directory that is not there has not synced, and says so', async () => {
  await rm(directory, { recursive: true })
  const changes = await started()
  expect(changes.map(brief)).toEqual([{ upserts: [], deletes: [], synced: false }])
  expect(source?.status()).toMatchObject({ state: 'failing' })
  expect(source?.status().message).toContain('ENOENT')
})

test('a file with a mistake is a part that says which, and its objects stay', async () => {
  await write('a.yaml', cluster('one'))
  const changes = await started()
  await write('a.yaml', 'kind: [')
  await expect.poll(() => changes.length).toBe(2)
  expect(brief(changes[1]!)).toEqual({ upserts: [], deletes: [], synced: true })
  expect(source?.status().parts).toEqual([
    { name: 'a.yaml', objectCount: 1, mistake: expect.stringContaining('line 1') },
  ])
})
