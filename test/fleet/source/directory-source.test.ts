import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type DirectorySnapshot, DirectorySource } from '../../../src/fleet/index.ts'
import { fixtureObjects, fixtures } from '../fixture-fleet.ts'

const open: DirectorySource[] = []
const directories: string[] = []

afterEach(async () => {
  for (const source of open.splice(0)) await source.close()
  for (const path of directories.splice(0)) await rm(path, { recursive: true })
})

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fleet-'))
  directories.push(path)
  return path
}

async function watched(
  path: string,
  options: Partial<Parameters<typeof DirectorySource.open>[0]> = {},
): Promise<{ source: DirectorySource; seen: DirectorySnapshot[] }> {
  const seen: DirectorySnapshot[] = []
  const source = await DirectorySource.open(
    { path, pollMs: 3_600_000, settleMs: 10, ...options },
    (s) => seen.push(s),
  )
  open.push(source)
  return { source, seen }
}

const set = (name: string, label = ''): string =>
  `apiVersion: cluster.open-cluster-management.io/v1beta2\nkind: ManagedClusterSet\n` +
  `metadata: { name: ${name}, labels: { l: '${label}' } }\n`
const names = (source: DirectorySource): unknown[] =>
  source.current.objects.map((object) => (object.metadata as { name: string }).name)

describe('a directory of manifests', () => {
  it('holds every object of every document and list of its files', async () => {
    const { source } = await watched(fixtures)
    expect(source.current.objects).toEqual(fixtureObjects())
    expect(source.current.files.map(({ file, objectCount }) => [file, objectCount])).toEqual([
      ['addons.yaml', 11],
      ['applications.yaml', 18],
      ['clusters.yaml', 20],
      ['placements.yaml', 16],
      ['policies.yaml', 12],
    ])
    const path = await directory()
    await writeFile(join(path, 'list.json'), `{"apiVersion":"v1","kind":"List","items":[]}`)
    await writeFile(
      join(path, 'list.yaml'),
      `kind: List\nitems:\n  - &a\n    ${set('a').trim().replaceAll('\n', '\n    ')}\n  - <<: *a\n    metadata: { name: b }\n`,
    )
    await writeFile(join(path, 'notes.txt'), 'not: [read')
    expect(names((await watched(path)).source)).toEqual(['a', 'b'])
  })

  it('tells of a file that is written, changed and removed', async () => {
    const path = await directory()
    const { source, seen } = await watched(path)
    await writeFile(join(path, 'a.yaml'), set('a'))
    await vi.waitFor(() => expect(names(source)).toEqual(['a']), 5000)
    await writeFile(join(path, 'a.yaml'), `${set('a')}---\n${set('b')}`)
    await vi.waitFor(() => expect(names(source)).toEqual(['a', 'b']), 5000)
    await rm(join(path, 'a.yaml'))
    await vi.waitFor(() => expect(names(source)).toEqual([]), 5000)
    expect(seen.at(-1)).toBe(source.current)
  })

  it('is told once, and not again where nothing changed', async () => {
    const path = await directory()
    await writeFile(join(path, 'a.yaml'), set('a'))
    const { source, seen } = await watched(path)
    await Promise.all([source.rescan(), source.rescan()])
    await writeFile(join(path, 'a.yaml'), set('a'))
    await source.rescan()
    expect(seen.length).toBe(1)
  })

  it.each([
    ['a broken document', `${set('x')}---\nmetadata: [`, 'flow'],
    ['a key twice', 'kind: A\nkind: B\n', 'unique'],
    ['an object without a name', 'apiVersion: v1\nkind: A\n', 'metadata.name'],
    ['plain text', 'hello', 'not a Kubernetes object'],
    [
      'aliases that grow without end',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]\n`,
      'alias',
    ],
  ])('reports a file with %s, and keeps what it held when it was good', async (_, text, word) => {
    const path = await directory()
    await writeFile(join(path, 'a.yaml'), set('a'))
    await writeFile(join(path, 'b.yaml'), set('b'))
    const { source } = await watched(path)
    await writeFile(join(path, 'a.yaml'), text)
    await source.rescan()
    expect(names(source)).toEqual(['a', 'b'])
    expect(source.current.files[0]?.mistake).toMatch(new RegExp(word, 'i'))
    expect(source.current.files[1]?.mistake).toBeUndefined()
    await writeFile(join(path, 'a.yaml'), set('c'))
    await source.rescan()
    expect(names(source)).toEqual(['c', 'b'])
    expect(source.current.files[0]?.mistake).toBeUndefined()
  })

  it('reports files that are too large, and what is no file', async () => {
    const path = await directory()
    await mkdir(join(path, 'folder.yaml'))
    await writeFile(join(path, 'large.yaml'), `${set('a')}${'#'.repeat(1000)}`)
    const { source } = await watched(path, { fileSizeBytesMax: 500 })
    expect(source.current.files.map(({ mistake }) => mistake)).toEqual([
      'not a file',
      expect.stringMatching(/^\d+ bytes are more than 500$/),
    ])
  })

  it('lets the later file win where two hold the same object, and says so', async () => {
    const path = await directory()
    await writeFile(join(path, 'a.yaml'), set('a', 'first'))
    await writeFile(join(path, 'b.yaml'), set('a', 'second'))
    const { source } = await watched(path)
    expect(source.current.objects).toEqual([
      expect.objectContaining({ metadata: { name: 'a', labels: { l: 'second' } } }),
    ])
    expect(source.current.files[0]?.mistake).toContain('b.yaml, which wins')
  })

  it('follows the symlink swap of a mounted ConfigMap', async () => {
    const path = await directory()
    const version = async (name: string, content: string): Promise<void> => {
      await mkdir(join(path, name))
      await writeFile(join(path, name, 'sets.yaml'), content)
    }
    await version('..v1', set('old'))
    await symlink('..v1', join(path, '..data'))
    await symlink('..data/sets.yaml', join(path, 'sets.yaml'))
    const { source } = await watched(path)
    expect(names(source)).toEqual(['old'])
    await version('..v2', set('new'))
    await symlink('..v2', join(path, '..data_tmp'))
    await rename(join(path, '..data_tmp'), join(path, '..data'))
    await rm(join(path, '..v1'), { recursive: true })
    await vi.waitFor(() => expect(names(source)).toEqual(['new']), 5000)
  })

  it('keeps everything while it cannot be listed, and is found again by the poll', async () => {
    const parent = await directory()
    const path = join(parent, 'fleet')
    const { source } = await watched(path, { pollMs: 20 })
    expect(source.current.mistake).toContain('ENOENT')
    await mkdir(path)
    await writeFile(join(path, 'a.yaml'), set('a'))
    await vi.waitFor(() => expect(names(source)).toEqual(['a']), 5000)
    expect(source.current.mistake).toBeUndefined()
    await rm(path, { recursive: true })
    await vi.waitFor(() => expect(source.current.mistake).toContain('ENOENT'), 5000)
    expect(names(source)).toEqual(['a'])
  })

  it('is never seen while a file is emptied and written again', async () => {
    const path = await directory()
    const file = join(path, 'a.yaml')
    await writeFile(file, set('a'))
    const { source, seen } = await watched(path, { settleMs: 300 })
    await writeFile(file, '')
    const scan = source.rescan()
    await setTimeout(20)
    await writeFile(file, set('b'))
    await scan
    expect(names(source)).toEqual(['b'])
    expect(seen.map(({ objects }) => objects.length)).toEqual([1, 1])
  })

  it('takes a file as it is where its writer never rests', async () => {
    const path = await directory()
    await writeFile(join(path, 'a.yaml'), set('a'))
    const { mtimeMs } = await stat(join(path, 'a.yaml'))
    const { source } = await watched(path, { settleCountMax: 2, now: () => mtimeMs })
    expect(names(source)).toEqual(['a'])
  })

  it('is never written to, and nothing is read after it is closed', async () => {
    const path = await directory()
    const { source, seen } = await watched(path)
    await source.close()
    await writeFile(join(path, 'a.yaml'), set('a'))
    await source.rescan()
    expect(seen).toEqual([])
    expect(await readdir(path)).toEqual(['a.yaml'])
  })
})
