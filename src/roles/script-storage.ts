// The head as storage of test scripts: what they load is sent to a head of its own as remote write 2.0 bodies.
// Units: Unix milliseconds. Scripts begin at time 0, so nothing is too old and nothing too far in the future.

import { randomBytes } from 'node:crypto'
import { io } from '../encoding/index.ts'
import { hashKeySizeBytes } from '../kernel/index.ts'
import type { FloatHistogram, Labels } from '../model/index.ts'
import { sortLabels, staleHigh, staleLow, UserError } from '../model/index.ts'
import type { EngineOptions, LoadSeries, ScriptStorage, ScriptValue } from '../promql/index.ts'
import type { Queryable } from '../storage/index.ts'
import { FanOut } from '../storage/index.ts'
import { Head, headLimitDefaults } from '../tsdb/index.ts'

/** The tenant that scripts write as and are asked for. */
export const scriptTenant = 'scripts'

const never = Number.MAX_SAFE_INTEGER
const hints = { unknown: 0, reset: 1, not_reset: 2, gauge: 3 } as const
const staleMarker = new Float64Array(Uint32Array.of(staleLow, staleHigh).buffer)

/** A head that scripts load to and read from, start timestamps included. */
export class HeadScriptStorage implements ScriptStorage {
  readonly #engine: Pick<EngineOptions, 'compileMatcher' | 'hashSeed'>
  readonly queryable: Queryable
  #head: Head

  constructor(engine: Pick<EngineOptions, 'compileMatcher' | 'hashSeed'>) {
    this.#engine = engine
    this.#head = this.#emptyHead()
    this.queryable = new FanOut(() => [{ queryable: this.#head }])
  }

  async append(series: readonly LoadSeries[]): Promise<void> {
    this.#send(series)
  }

  async clear(): Promise<void> {
    this.#head = this.#emptyHead()
  }

  #send(series: readonly LoadSeries[]): void {
    const request = {
      tenant: scriptTenant,
      sender: { key: '', labels: {} },
      format: 'remote-write-2',
      compression: 'none',
      body: bodyOf(series),
    } as const
    const { rejections } = this.#head.append(request, never)
    if (rejections.length > 0) throw new UserError('bad_data', { what: rejections[0]!.message })
  }

  #emptyHead(): Head {
    return new Head({
      seed: this.#engine.hashSeed,
      hashKeys: randomBytes(hashKeySizeBytes),
      sink: { push: () => undefined },
      compile: this.#engine.compileMatcher,
      limits: { ...headLimitDefaults, outOfOrderWindowMs: never, generationsMax: never },
      startTimestamps: true,
      oldestAcceptedMs: () => -never,
      cutWindows: [],
      admission: {
        epoch: 1,
        checkSize: () => undefined,
        plainBounds: () => undefined,
        seriesMax: () => 0,
        admit: (_tenant, _sender, sent) => ({ labels: sortLabels(sent) }),
      },
    })
  }
}

function bodyOf(series: readonly LoadSeries[]): Uint8Array {
  const symbols = new Map<string, number>([['', 0]])
  const refOf = (text: string): number => {
    const known = symbols.get(text)
    if (known !== undefined) return known
    symbols.set(text, symbols.size)
    return symbols.size - 1
  }
  const labelsRefs = (labels: Labels): number[] =>
    labels.flatMap(({ name, value }) => [refOf(name), refOf(value)])
  const filled = series.filter(({ samples }) => samples.length > 0)
  const timeseries = filled.map(({ labels, samples }) => {
    const histograms = samples.filter(({ value }) => value.kind === 'histogram')
    const floats = samples.filter(({ value }) => value.kind !== 'histogram')
    return {
      labelsRefs: labelsRefs(labels),
      samples: floats.map(({ timestampMs, startTimestampMs, value }) => ({
        timestamp: timestampMs,
        startTimestamp: startTimestampMs,
        value: numberOf(value),
      })),
      histograms: histograms.map(({ timestampMs, startTimestampMs, value }) => ({
        timestamp: timestampMs,
        startTimestamp: startTimestampMs,
        ...messageOf((value as ScriptValue & { kind: 'histogram' }).histogram),
      })),
    }
  })
  const { Request } = io.prometheus.write.v2
  return Request.encode({ symbols: [...symbols.keys()], timeseries }).finish()
}

function numberOf(value: ScriptValue): number {
  return value.kind === 'float' ? value.value : staleMarker[0]!
}

function messageOf(histogram: FloatHistogram) {
  return {
    countFloat: histogram.count,
    sum: histogram.sum,
    schema: histogram.schema,
    zeroThreshold: histogram.zeroThreshold,
    zeroCountFloat: histogram.zeroCount,
    negativeSpans: [...histogram.negativeSpans],
    negativeCounts: [...histogram.negativeBuckets],
    positiveSpans: [...histogram.positiveSpans],
    positiveCounts: [...histogram.positiveBuckets],
    customValues: [...histogram.customValues],
    resetHint: hints[histogram.counterResetHint],
  }
}
