// What a lane measures on its own thread, and the metrics of all lanes as one text. Names are Prometheus'.

import type { Metrics } from '../telemetry/index.ts'
import type { Committer } from '../tsdb/index.ts'

/** The metrics of one lane's log. */
export interface LogMetrics {
  /** The same committer, timed. */
  timed(committer: Committer): Committer
  /** Notes that bytes of the log made no sense. */
  noteDamage(): void
}

/** Registers the metrics of the log of `lane`. */
export function logMetrics(metrics: Metrics, lane: string): LogMetrics {
  const durations = metrics.histogram(
    'prometheus_tsdb_wal_fsync_duration_seconds',
    'How long a commit of the write-ahead log takes: write and fdatasync.',
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    ['lane'],
  )
  const failures = metrics.counter(
    'prometheus_tsdb_wal_writes_failed_total',
    'Commits of the write-ahead log that failed, for want of space or otherwise.',
    ['lane'],
  )
  const damages = metrics.counter(
    'prometheus_tsdb_wal_corruptions_total',
    'Places of the write-ahead log that made no sense.',
    ['lane'],
  )
  failures.inc({ lane }, 0)
  damages.inc({ lane }, 0)
  return {
    timed: (committer) => ({
      async commit(job) {
        const startMs = performance.now()
        const outcome = await committer.commit(job)
        durations.observe({ lane }, (performance.now() - startMs) / 1000)
        if (outcome.kind !== 'done') failures.inc({ lane })
        return outcome
      },
      release: () => committer.release(),
      close: () => committer.close(),
    }),
    noteDamage: () => damages.inc({ lane }),
  }
}

/** Expositions of the same families as one, so that each family has its head once. */
export function joinExpositions(texts: readonly string[]): string {
  const families = new Map<string, string[]>()
  for (const text of texts) {
    let family: string[] = []
    for (const line of text.split('\n')) {
      const name = /^# HELP (\S+)/.exec(line)?.[1]
      if (name !== undefined) {
        family = families.get(name) ?? []
        if (!families.has(name)) families.set(name, family)
      }
      const isHead = line.startsWith('#')
      if (line !== '' && !(isHead && family.includes(line))) family.push(line)
    }
  }
  return [...families.values()].map((lines) => `${lines.join('\n')}\n\n`).join('')
}
