// Config reader: takes the keys of a parsed YAML mapping one by one, with types, and collects what is wrong: bad values,
// and in the end every key that nobody took.
import { parseDurationMs } from '../model/index.ts'

/** One mapping of the file; `faults` is shared by all mappings of it. */
export class ConfigReader {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #faults: string[]
  readonly #taken = new Set<string>()

  constructor(value: unknown, path: string, faults: string[]) {
    this.#path = path
    this.#faults = faults
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isMapping && value !== undefined && value !== null) this.#fault('', 'is not a mapping')
    this.#values = isMapping ? (value as Record<string, unknown>) : {}
  }

  /** A text; numbers count as the text they were written as. */
  string(key: string, fallback = ''): string {
    const value = this.#take(key)
    if (value === undefined) return fallback
    if (typeof value === 'string') return value
    if (typeof value === 'number') return String(value)
    return this.#bad(key, 'is not a text', fallback)
  }

  /** A text that must be there. */
  required(key: string): string {
    const value = this.string(key)
    return value === '' ? this.#bad(key, 'is missing', '') : value
  }

  /** One of the given texts. */
  choice<T extends string>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.string(key, fallback)
    const found = choices.find((choice) => choice === value)
    const shown = choices.map((choice) => (choice === '' ? '""' : choice)).join(', ')
    return found ?? this.#bad(key, `is ${JSON.stringify(value)}, not one of ${shown}`, fallback)
  }

  /** True or false. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.#take(key)
    if (value === undefined) return fallback
    return typeof value === 'boolean' ? value : this.#bad(key, 'is not true or false', fallback)
  }

  /** A whole number that is not negative. */
  count(key: string, fallback: number): number {
    const value = this.#take(key)
    if (value === undefined) return fallback
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    return this.#bad(key, 'is not a whole number', fallback)
  }

  /** A Prometheus duration in milliseconds. */
  durationMs(key: string, fallbackMs: number): number {
    const value = this.#take(key)
    if (value === undefined) return fallbackMs
    const ms = parseDurationMs(String(value))
    return ms ?? this.#bad(key, 'is not a duration like 1m30s', fallbackMs)
  }

  /** A mapping of texts to texts. */
  texts(key: string): Readonly<Record<string, string>> {
    const inner = this.mapping(key)
    return Object.fromEntries(Object.keys(inner.#values).map((name) => [name, inner.string(name)]))
  }

  /** A mapping within this one; empty where it is absent. */
  mapping(key: string): ConfigReader {
    return new ConfigReader(this.#take(key), this.#pathOf(key), this.#faults)
  }

  /** Whether the key stands in the file with a value. */
  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null
  }

  /** Refuses a value with a reason. */
  refuse(key: string, reason: string): void {
    this.#fault(key, reason)
  }

  /** Refuses what nobody took. */
  end(): void {
    for (const key of Object.keys(this.#values))
      if (!this.#taken.has(key)) this.#fault(key, 'is not a known key')
  }

  #take(key: string): unknown {
    this.#taken.add(key)
    const value = Object.hasOwn(this.#values, key) ? this.#values[key] : undefined
    return value === null ? undefined : value
  }

  #bad<T>(key: string, fault: string, fallback: T): T {
    this.#fault(key, fault)
    return fallback
  }

  #fault(key: string, fault: string): void {
    this.#faults.push(`${this.#pathOf(key) || 'the file'} ${fault}`)
  }

  #pathOf(key: string): string {
    if (key === '') return this.#path
    return this.#path === '' ? key : `${this.#path}.${key}`
  }
}
