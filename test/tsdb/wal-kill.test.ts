// Killed in the middle of writing, again and again on one directory: what was acknowledged is there, once.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { inlineCommitter, nodeFiles, Wal, walDefaults } from '../../src/tsdb/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'wal-kill-'))
afterAll(() => rmSync(folder, { recursive: true }))

// Writes records with rising numbers, many commits at a time through a log thread, and prints what is acknowledged.
const writer = (first: number): string => `
  import { MessageChannel, Worker } from 'node:worker_threads'
  import { writeSync } from 'node:fs'
  import { nodeFiles, portCommitter, Wal, walDefaults } from '${resolve('src/tsdb/index.ts')}'
  const thread = new Worker('${resolve('src/roles/log-thread.ts')}', { execArgv: [] })
  const { port1, port2 } = new MessageChannel()
  thread.postMessage({ port: port1 }, [port1])
  const wal = Wal.open({
    ...walDefaults,
    directory: ${JSON.stringify(folder)},
    files: nodeFiles,
    committer: portCommitter(port2),
    onDamage: () => {},
    segmentSizeBytesMax: 200_000,
  })
  for (let id = ${first}; ; id++) {
    const record = new Uint8Array(4 + (id * 7919) % 5000)
    new DataView(record.buffer).setUint32(0, id)
    wal.push(record, id % 3)
    void wal.commit().then(() => writeSync(1, id + '\\n'))
    await wal.ready()
    await new Promise((resolve) => setImmediate(resolve))
  }`

function writeUntilKilled(first: number, ackCount: number): Promise<number[]> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (bytes: Buffer) => {
      text += bytes.toString()
      if (text.split('\n').length > ackCount) child.kill('SIGKILL')
    })
    // A number without its line end may be cut short.
    child.on('close', () => done(text.split('\n').slice(0, -1).map(Number)))
  })
}

describe('the log of a process that is killed', () => {
  it('holds every acknowledged record once and in order', async () => {
    const acknowledged = new Set<number>()
    for (let round = 0; round < 3; round++) {
      const acks = await writeUntilKilled(round * 1_000_000, 10 + round * 40)
      expect(acks.length).toBeGreaterThan(0)
      for (const id of acks) acknowledged.add(id)
      const wal = Wal.open({
        ...walDefaults,
        directory: folder,
        files: nodeFiles,
        committer: inlineCommitter(nodeFiles),
        onDamage: () => {},
      })
      const ids = [...wal.replay()].map(({ payload }) =>
        new DataView(payload.buffer, payload.byteOffset).getUint32(0),
      )
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
      const there = new Set(ids)
      expect([...acknowledged].filter((id) => !there.has(id))).toEqual([])
      await wal.close()
    }
  })
})
