// Arguments and tables of the benchmarks that run whole servers.

import { availableParallelism, cpus, loadavg } from 'node:os'

/** One line of a table. */
export interface Row {
  readonly figure: string
  readonly unit: string
  /** By server. */
  readonly values: Readonly<Record<string, number>>
  readonly spreads?: Readonly<Record<string, readonly [number, number]>>
  /** What ours should at most be. */
  readonly aim?: number | undefined
}

/** Command line of a benchmark: --name=value and --name; `quick` is a smoke run. */
export function readArguments(): {
  readonly flags: ReadonlyMap<string, string>
  readonly quick: boolean
} {
  const flags = new Map(
    process.argv.slice(2).map((argument) => {
      const [name, value = ''] = argument.replace(/^--/, '').split('=', 2)
      return [name!, value] as const
    }),
  )
  return { flags, quick: flags.has('quick') }
}

/** Prints a table in Markdown: figures, ours against each peer, the aim. Neighbours on the machine are told by its load. */
export function report(title: string, rows: readonly Row[]): void {
  const servers = [...new Set(rows.flatMap((row) => Object.keys(row.values)))]
  const others = servers.filter((server) => server !== 'crowsnest')
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown kind'}`
  console.log(`\n## ${title}, ${new Date().toISOString().slice(0, 16)}Z`)
  console.log(`${machine}, load ${loadavg()[0]!.toFixed(1)}\n`)
  const heads = ['figure', 'unit', ...servers, ...others.map((other) => `ours / ${other}`), 'aim']
  console.log(`| ${heads.join(' | ')} |`)
  console.log(`|---|---|${'---:|'.repeat(heads.length - 2)}`)
  for (const row of rows) {
    const cells = servers.map((server) => {
      const spread = row.spreads?.[server]
      const range =
        spread === undefined || spread[0] === spread[1]
          ? ''
          : ` (${short(spread[0])}–${short(spread[1])})`
      return `${short(row.values[server])}${range}`
    })
    const ratios = others.map((other) =>
      short((row.values.crowsnest ?? Number.NaN) / (row.values[other] ?? Number.NaN)),
    )
    const aim = row.aim === undefined ? '' : `≤ ${row.aim}`
    console.log(`| ${[row.figure, row.unit, ...cells, ...ratios, aim].join(' | ')} |`)
  }
}

function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
