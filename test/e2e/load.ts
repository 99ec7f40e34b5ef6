// Load for end-to-end tests: senders that drive sample time themselves and remember what was acknowledged, and the
// reading back of raw samples.
// Units: Unix milliseconds of sample time; durations of requests in milliseconds of wall time.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { post, type SeriesToWrite, writeBody } from './remote-write.ts'

/** A sender of `seriesCount` series, one sample each per body; sample `step` has value `step`. */
export interface SenderOptions {
  readonly name: string
  readonly seriesCount: number
  readonly startMs: number
  readonly intervalMs: number
  readonly tenant?: string
}

/** One sender with what it knows to be stored. */
export class Sender {
  readonly options: SenderOptions
  /** Steps below this are acknowledged. */
  acknowledged = 0
  /** Wall time of each acknowledged request. */
  readonly latenciesMs: number[] = []
  /** Answers other than 2xx, by status. */
  readonly refusals = new Map<number, number>()

  constructor(options: SenderOptions) {
    this.options = options
  }

  /** The body of steps [from, to): their samples for all series. */
  body(from: number, to: number): Uint8Array<ArrayBuffer> {
    const { name, seriesCount, startMs, intervalMs } = this.options
    const series: SeriesToWrite[] = Array.from({ length: seriesCount }, (_, i) => ({
      labels: { __name__: 'load', sender: name, series: String(i) },
      samples: Array.from({ length: to - from }, (_, k) => [
        startMs + (from + k) * intervalMs,
        from + k,
      ]),
    }))
    return writeBody(series)
  }

  /** Sends the next `count` steps, again and again until they are acknowledged or `stopped` says so. */
  async send(url: string, count = 1, stopped: () => boolean = () => false): Promise<void> {
    const body = this.body(this.acknowledged, this.acknowledged + count)
    while (!stopped()) {
      const startMs = performance.now()
      const status = await this.#post(url, body)
      if (status >= 200 && status < 300) {
        this.latenciesMs.push(performance.now() - startMs)
        this.acknowledged += count
        return
      }
      if (status !== 0) this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1)
      await sleep(20)
    }
  }

  async #post(url: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
    const { tenant } = this.options
    const headers: Record<string, string> = tenant === undefined ? {} : { 'THANOS-TENANT': tenant }
    try {
      const response = await post(`${url}/api/v1/write`, body, headers)
      await response.arrayBuffer()
      return response.status
    } catch {
      return 0
    }
  }

  /** Every acknowledged sample is there, none twice, none invented; one that was sent without an answer may be there. */
  async expectAllStored(url: string, sentWithoutAnswer = 0): Promise<void> {
    const { name, seriesCount, startMs, intervalMs, tenant } = this.options
    const endMs = startMs + (this.acknowledged + sentWithoutAnswer) * intervalMs
    const found = await rawSamples(url, `load{sender="${name}"}`, startMs, endMs, tenant)
    if (this.acknowledged > 0) expect(found.size, `series of ${name}`).toBe(seriesCount)
    for (const [series, samples] of found) {
      const expected = Array.from({ length: samples.length }, (_, step) => [
        startMs + step * intervalMs,
        step,
      ])
      expect(samples, `${name}: ${series}`).toEqual(expected)
      expect(samples.length, `${name}: ${series}`).toBeGreaterThanOrEqual(this.acknowledged)
      expect(samples.length, `${name}: ${series}`).toBeLessThanOrEqual(
        this.acknowledged + sentWithoutAnswer,
      )
    }
  }
}

/** Raw samples in [fromMs, toMs) by labels: pairs of Unix milliseconds and value. */
export async function rawSamples(
  url: string,
  selector: string,
  fromMs: number,
  toMs: number,
  tenant?: string,
): Promise<Map<string, [number, number][]>> {
  const rangeMs = Math.max(1, toMs - fromMs)
  const form = new URLSearchParams({
    query: `${selector}[${rangeMs}ms]`,
    time: String((toMs - 1) / 1000),
  })
  const headers: Record<string, string> = tenant === undefined ? {} : { 'THANOS-TENANT': tenant }
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: form, headers })
  const text = await response.text()
  if (!response.ok) throw new Error(`query: ${response.status} ${text.slice(0, 500)}`)
  const answer = JSON.parse(text) as {
    data: {
      result: { metric: Record<string, string>; values: [number, string][] }[]
    }
  }
  return new Map(
    answer.data.result.map(({ metric, values }) => [
      JSON.stringify(Object.entries(metric).sort()),
      values.map(([time, value]) => [Math.round(time * 1000), Number(value)]),
    ]),
  )
}

/** The value below which a share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** Resident memory of a process in bytes. */
export function residentBytes(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}
