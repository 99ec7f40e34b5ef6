// The write-ahead log on a real disk, through a log thread as in production: pushing, acknowledging, reading back.
// Run: node bench/tsdb/wal.bench.ts [directory on the disk to measure]
// Budgets are generous: hosts differ and are shared. One record is 24 KB, as 2000 samples make; the load is one record per millisecond, two million samples a second.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { nodeFiles, portCommitter, Wal, walDefaults } from '../../src/tsdb/index.ts'

const recordSizeBytes = 24_000
const recordCount = 3000
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'wal-bench-'))
const logThread = new Worker(new URL('../../src/roles/log-thread.ts', import.meta.url))

function open(): Wal {
  const { port1, port2 } = new MessageChannel()
  logThread.postMessage({ port: port1 }, [port1])
  return Wal.open({
    ...walDefaults,
    directory,
    files: nodeFiles,
    committer: portCommitter(port2),
    onDamage: ({ message }) => console.error(message),
  })
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

function report(name: string, value: number, unit: string, budget: number): void {
  const over = value > budget
  console.log(`${name}: ${value.toFixed(2)} ${unit} (budget ${budget})${over ? ' EXCEEDED' : ''}`)
  if (over) process.exitCode = 1
}

// What the disk itself takes for about what one commit writes, one after another: the measure of the rest.
function bareSyncMs(): number {
  const file = nodeFiles.open(join(directory, 'bare'), 'write')
  const bytes = new Uint8Array(4 * recordSizeBytes).map((_, i) => (i * 2_654_435_761) >>> 13)
  const timesMs: number[] = []
  for (let i = 0; i < 200; i++) {
    const beginMs = performance.now()
    file.write([bytes], i * bytes.length)
    file.sync()
    timesMs.push(performance.now() - beginMs)
  }
  file.close()
  nodeFiles.remove(join(directory, 'bare'))
  return quantile(
    timesMs.sort((a, b) => a - b),
    0.5,
  )
}

async function paced(wal: Wal): Promise<void> {
  const record = new Uint8Array(recordSizeBytes).map((_, i) => (i * 2_654_435_761) >>> 13)
  const acksMs: number[] = []
  wal.push(record, 0)
  const waiting: Promise<void>[] = []
  let pushMs = 0
  // The first commit waits until the thread has started.
  await wal.commit()
  const startMs = performance.now()
  for (let sent = 0; sent < recordCount; ) {
    while (sent < recordCount && performance.now() - startMs >= sent) {
      const beginMs = performance.now()
      wal.push(record, Math.floor(sent / 1000))
      pushMs += performance.now() - beginMs
      waiting.push(wal.commit().then(() => void acksMs.push(performance.now() - beginMs)))
      sent++
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(waiting)
  const sorted = acksMs.sort((a, b) => a - b)
  report('push, checksum and copy', (pushMs * 1e3) / recordCount, 'us/record', 120)
  const syncMs = bareSyncMs()
  const median = quantile(sorted, 0.5)
  console.log(`acknowledged: ${median.toFixed(2)} ms median, a bare sync ${syncMs.toFixed(2)} ms`)
  report('acknowledged, median', median / syncMs, 'bare syncs', 6)
  report('acknowledged, 99th percentile', quantile(sorted, 0.99) / syncMs, 'bare syncs', 60)
}

function readBack(): void {
  const startMs = performance.now()
  const wal = open()
  const openMs = performance.now() - startMs
  let count = 0
  for (const _ of wal.replay()) count++
  const totalMs = performance.now() - startMs
  if (count !== recordCount + 1) throw new Error(`${count} records of ${recordCount} came back`)
  const mebibytes = wal.sizeBytes / 2 ** 20
  report('open, until records are accepted', openMs, 'ms', 300)
  report('open and replay', totalMs / mebibytes, 'ms/MiB', 8)
}

const wal = open()
await paced(wal)
await wal.close()
readBack()
await logThread.terminate()
rmSync(directory, { recursive: true })
