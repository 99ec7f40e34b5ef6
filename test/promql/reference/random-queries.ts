// Random series and random expressions over them, from a seed.
import type { ReferenceSeries } from './evaluate.ts'

/** Numbers in [0, 1) from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Series of two counters and a gauge, with gaps, restarts, NaN and stale markers. */
export function randomSeries(random: () => number): ReferenceSeries[] {
  const out: ReferenceSeries[] = []
  for (const name of ['a_total', 'b_total', 'gauge']) {
    for (const x of ['1', '2', '3']) {
      for (const y of ['p', 'q']) {
        if (random() < 0.2) continue
        const labels = { __name__: name, x, ...(random() < 0.8 ? { y } : { y, z: 'extra' }) }
        out.push({ labels, samples: randomSamples(random, name === 'gauge') })
      }
    }
  }
  return out
}

function randomSamples(random: () => number, isGauge: boolean): [number, number | 'stale'][] {
  const samples: [number, number | 'stale'][] = []
  let value = Math.floor(random() * 20)
  for (let t = Math.floor(random() * 15_000); t < 1_200_000; t += 15_000) {
    const dice = random()
    if (dice < 0.1) continue
    if (dice < 0.13) samples.push([t, 'stale'])
    else if (dice < 0.15 && isGauge) samples.push([t, Number.NaN])
    else {
      if (isGauge) value += Math.floor(random() * 21) - 10
      else value = dice < 0.2 ? Math.floor(random() * 3) : value + Math.floor(random() * 10)
      samples.push([t, value])
    }
    // A scrape that comes late now and then.
    if (dice > 0.9) t += Math.floor(random() * 5000)
  }
  return samples
}

/** Texts of instant vector expressions. */
export class ExpressionMaker {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  vector(depth: number): string {
    const kind = depth <= 0 ? 0 : this.#index(8)
    if (kind <= 1) return this.#selector()
    if (kind <= 3) return this.#window(depth)
    if (kind === 4) return this.#element(depth)
    if (kind === 5) return this.#aggregation(depth)
    if (kind === 6) return this.#withScalar(depth)
    return this.#join(depth)
  }

  scalar(depth: number): string {
    const kind = depth <= 0 ? 0 : this.#index(6)
    if (kind === 4) return 'time()'
    if (kind === 5) return `scalar(${this.vector(depth - 1)})`
    return this.#one(['0', '1', '2.5', '-3', '10', 'NaN', 'Inf'])
  }

  #index(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #one(choices: readonly string[]): string {
    return choices[this.#index(choices.length)]!
  }

  #series(): string {
    const name = this.#one(['a_total', 'b_total', 'gauge'])
    const matchers = ['', '', '{x="1"}', '{x!="2"}', '{y=~"p|r"}', '{z=""}', '{x=~"[12]",y!~"q.*"}']
    return this.#random() < 0.05 ? '{x="1",__name__=~".*_total"}' : name + this.#one(matchers)
  }

  #times(): string {
    const offset = this.#one(['', '', '', ' offset 30s', ' offset -45s'])
    return this.#one(['', '', '', '', ' @ 500', ' @ start()', ' @ end()']) + offset
  }

  #selector(): string {
    return this.#series() + this.#times()
  }

  #window(depth: number): string {
    const name = this.#one([
      ...['rate', 'increase', 'delta', 'irate', 'idelta', 'sum_over_time', 'avg_over_time'],
      ...['count_over_time', 'last_over_time', 'first_over_time', 'present_over_time'],
      ...['min_over_time', 'max_over_time', 'stddev_over_time', 'stdvar_over_time', 'changes'],
      ...['resets', 'deriv', 'quantile_over_time', 'predict_linear'],
    ])
    const range =
      depth > 1 && this.#random() < 0.3
        ? `(${this.vector(depth - 2)})[${this.#one(['2m', '3m'])}:${this.#one(['', '20s', '45s'])}]`
        : `${this.#series()}[${this.#one(['15s', '1m', '2m', '5m'])}]`
    const timed = range + this.#times()
    if (name === 'quantile_over_time') return `${name}(${this.#one(['0.5', '0.9', '2'])}, ${timed})`
    return name === 'predict_linear' ? `${name}(${timed}, 60)` : `${name}(${timed})`
  }

  #element(depth: number): string {
    const inner = this.vector(depth - 1)
    return this.#one([
      ...[`abs(${inner})`, `ceil(${inner})`, `floor(${inner})`, `sgn(${inner})`, `sqrt(${inner})`],
      ...[`round(${inner}, 2)`, `clamp(${inner}, -1, 5)`, `clamp_min(${inner}, 3)`, `-(${inner})`],
    ])
  }

  #aggregation(depth: number): string {
    const inner = this.vector(depth - 1)
    const grouping = this.#one(['', '', ' by (x)', ' by (x, y)', ' without (y)', ' by (nothing)'])
    const op = this.#one([
      'sum',
      'avg',
      'min',
      'max',
      'count',
      'group',
      'stddev',
      'stdvar',
      'param',
    ])
    if (op !== 'param') return `${op}${grouping} (${inner})`
    const ranked = this.#one(['topk(2, ', 'bottomk(1, ', 'quantile(0.3, ', 'quantile(1, '])
    const [name, parameter] = ranked.split('(') as [string, string]
    return `${name}${grouping} (${parameter}${inner})`
  }

  #withScalar(depth: number): string {
    const parts = [`(${this.vector(depth - 1)})`, this.scalar(depth - 1)]
    const op = this.#one(['+', '-', '*', '/', '%', '^', '>', '<=', '==', '!=', '> bool', '== bool'])
    const [a, b] = this.#random() < 0.7 ? parts : parts.reverse()
    return `${a} ${op} ${b}`
  }

  #join(depth: number): string {
    const left = `(${this.vector(depth - 1)})`
    const right = `(${this.vector(depth - 1)})`
    const matching = this.#one(['', ' on (x)', ' on (x, y)', ' ignoring (z)', ' ignoring (y, z)'])
    if (this.#random() < 0.25) {
      return `${left} ${this.#one(['and', 'or', 'unless'])}${matching} ${right}`
    }
    const group =
      matching === '' ? '' : this.#one(['', ' group_left ()', ' group_right ()', ' group_left (z)'])
    return `${left} ${this.#one(['+', '-', '*', '/', '>', '== bool'])}${matching}${group} ${right}`
  }
}
