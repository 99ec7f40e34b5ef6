// What every benchmark shares: medians over rounds, and a budget that fails the run when it is exceeded.
// Units: nanoseconds of CPU time of the whole process (so that neighbours on the machine count less) per operation,
// where the caller says what an operation is.

/** One thing to measure. */
export interface Measurement {
  readonly name: string
  /** What one operation is, as "ns/sample" or "ns/byte". */
  readonly unit: string
  /** The largest median that passes, in the unit. Generous: hosts differ and are shared. */
  readonly budget: number
  /** Does its work once and returns how many operations that was. */
  run(): number
}

const roundCount = 9
const roundMs = 20

/** Measures all in turn, round by round, prints the medians and sets a failing exit code for each over budget. */
export function measure(measurements: readonly Measurement[]): void {
  for (const measurement of measurements) oneRound(measurement)
  const rounds = measurements.map((): number[] => [])
  for (let round = 0; round < roundCount; round++)
    measurements.forEach((measurement, i) => {
      rounds[i]!.push(oneRound(measurement))
    })
  measurements.forEach(({ name, unit, budget }, i) => {
    const sorted = rounds[i]!.sort((a, b) => a - b)
    const median = sorted[roundCount >> 1]!
    const verdict = median <= budget ? 'ok' : 'OVER BUDGET'
    const spread = `${sorted[0]!.toFixed(2)}…${sorted[roundCount - 1]!.toFixed(2)}`
    console.log(`${name}: ${median.toFixed(2)} ${unit} (${spread}; budget ${budget}) ${verdict}`)
    if (median > budget) process.exitCode = 1
  })
}

function oneRound(measurement: Measurement): number {
  const start = cpuMs()
  let operations = 0
  let elapsedMs = 0
  do {
    operations += measurement.run()
    elapsedMs = cpuMs() - start
  } while (elapsedMs < roundMs)
  return (elapsedMs * 1e6) / operations
}

/** Milliseconds of CPU time that the process has used. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
