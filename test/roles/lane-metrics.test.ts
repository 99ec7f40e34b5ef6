import { expect, test } from 'vitest'
import { joinExpositions, logMetrics } from '../../src/roles/lane-metrics.ts'
import { Metrics } from '../../src/telemetry/index.ts'

const committer = (kind: 'done' | 'full') => ({
  commit: async ({ buffer }: { readonly buffer: ArrayBuffer }) => ({ buffer, kind, message: '' }),
  release: () => {},
  close: async () => {},
})

async function expositionOf(lane: string, kind: 'done' | 'full'): Promise<string> {
  const metrics = new Metrics()
  const logs = logMetrics(metrics, lane)
  const timed = logs.timed(committer(kind))
  await timed.commit({ buffer: new ArrayBuffer(1), writes: [] })
  logs.noteDamage()
  return metrics.expose()
}

test('commits of each lane are timed and counted, and shown as one family with one head', async () => {
  const texts = [await expositionOf('lane-0', 'done'), await expositionOf('lane-1', 'full')]
  const lines = joinExpositions(texts).split('\n')
  const durations = 'prometheus_tsdb_wal_fsync_duration_seconds'
  expect(lines.filter((line) => line === `# TYPE ${durations} histogram`)).toHaveLength(1)
  expect(lines).toContain(`${durations}_count{lane="lane-0"} 1`)
  expect(lines).toContain(`${durations}_count{lane="lane-1"} 1`)
  expect(lines).toContain('prometheus_tsdb_wal_writes_failed_total{lane="lane-0"} 0')
  expect(lines).toContain('prometheus_tsdb_wal_writes_failed_total{lane="lane-1"} 1')
  expect(lines).toContain('prometheus_tsdb_wal_corruptions_total{lane="lane-1"} 1')
  const heads = lines.map((line, i) => (line.startsWith('# HELP') ? i : -1)).filter((i) => i >= 0)
  expect(heads).toHaveLength(3)
})
