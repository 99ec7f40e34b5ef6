import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { neverCancelled } from '../../../src/storage/index.ts'
import {
  createBlocksFromOpenMetrics,
  createUlidFactory,
  dumpSamples,
  openBlock,
} from '../../../src/tsdb/index.ts'
import { blockOptions, readBlock, temporaryDirectory } from './block-fixtures.ts'

const hour = 3600

function fileOf(text: string): { readonly path: string; readonly directory: string } {
  const directory = temporaryDirectory()
  const path = join(temporaryDirectory(), 'metrics.txt')
  writeFileSync(path, text)
  return { path, directory }
}

const nextUlid = createUlidFactory(() => 1000)

describe('back-filling', () => {
  test('makes a block for each window that has samples, whatever the order in the file', async () => {
    const { path, directory } = fileOf(`b 2 ${5 * hour}
a{x="1"} 1 ${hour}
a{x="1"} 3 10
b 4 ${5 * hour + 1}
a{x="1"} 1 ${hour}
# EOF
`)
    for (const samplesInMemoryMax of [1, 100]) {
      const metas = await createBlocksFromOpenMetrics({
        path,
        directory,
        nextUlid,
        samplesInMemoryMax,
      })
      expect(metas.map((meta) => [meta.minTimeMs, meta.maxTimeMs])).toEqual([
        [10_000, 3_600_001],
        [18_000_000, 18_001_001],
      ])
      const blocks = await Promise.all(
        metas.map((meta) => openBlock(join(directory, meta.ulid), blockOptions)),
      )
      expect([...(await readBlock(blocks[0]!))]).toEqual([
        [
          'a{x="1"}',
          [
            [10_000, 3],
            [3_600_000, 1],
          ],
        ],
      ])
      expect([...(await readBlock(blocks[1]!)).keys()]).toEqual(['b'])
    }
  })

  test('writes nothing when any line is faulty', async () => {
    const { path, directory } = fileOf('a 1 1\nb 2\n# EOF\n')
    const made = createBlocksFromOpenMetrics({ path, directory, nextUlid })
    await expect(made).rejects.toThrow('line 2')
    expect(readdirSync(directory)).toEqual([])
  })

  test('refuses two values at one time', async () => {
    const { path, directory } = fileOf('a 1 1\na 2 1\n# EOF\n')
    const made = createBlocksFromOpenMetrics({ path, directory, nextUlid })
    await expect(made).rejects.toThrow('two values of a at 1970-01-01T00:00:01.000Z')
  })

  test('adds labels that the file does not set', async () => {
    const { path, directory } = fileOf('b 1 1\nb{zone="y"} 2 1\n# EOF\n')
    const labels = [{ name: 'zone', value: 'x' }]
    const [meta] = await createBlocksFromOpenMetrics({ path, directory, nextUlid, labels })
    const block = await openBlock(join(directory, meta!.ulid), blockOptions)
    expect([...(await readBlock(block)).keys()]).toEqual(['b{zone="x"}', 'b{zone="y"}'])
  })

  test('cannot make blocks of other lengths than multiples of two hours', async () => {
    const { path, directory } = fileOf('a 1 1\n# EOF\n')
    const request = { path, directory, nextUlid, blockDurationMs: 3_600_000 }
    await expect(createBlocksFromOpenMetrics(request)).rejects.toThrow('multiple of two hours')
  })
})

test('a dump prints samples as promtool does, within the range', async () => {
  const { path, directory } = fileOf(`a{x="\\"\\n"} 1000000 1
a{x="\\"\\n"} 123456.789 2
a{x="\\"\\n"} 1e21 3
a{x="\\"\\n"} 0.00001 4
a{x="\\"\\n"} 0.0001 5
a{x="\\"\\n"} NaN 6
a{x="\\"\\n"} -Inf 7
a{x="\\"\\n"} -0 8
a{x="\\"\\n"} 5 9
# EOF
`)
  const [meta] = await createBlocksFromOpenMetrics({ path, directory, nextUlid })
  const source = await openBlock(join(directory, meta!.ulid), blockOptions)
  let text = ''
  const select = { tenants: ['t'], matchers: [], minTimeMs: 1000, maxTimeMs: 8000 }
  const formatHistogram = (): string => ''
  for await (const part of dumpSamples({
    source,
    select,
    signal: neverCancelled,
    formatHistogram,
  }))
    text += part
  const values = ['1e+06', '123456.789', '1e+21', '1e-05', '0.0001', 'NaN', '-Inf', '-0']
  expect(text).toBe(
    values.map((value, i) => `{__name__="a", x="\\"\\n"} ${value} ${1000 * (i + 1)}\n`).join(''),
  )
})
