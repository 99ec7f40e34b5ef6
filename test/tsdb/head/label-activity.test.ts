// What recent samples say of each value of a label.
import { expect, it } from 'vitest'
import { windowMs } from '../../../src/model/index.ts'
import { bodyOf, createHead, requestOf, type SentSeries } from './head-fixture.ts'

const base = 100 * windowMs
const sent = (name: string, cluster: string, times: readonly number[]): SentSeries => ({
  labels: { __name__: name, cluster },
  samples: times.map((timeMs) => [timeMs, 1]),
})
const call = {
  tenant: 't',
  label: 'cluster',
  activeSinceMs: base + 60_000,
  exceptMetrics: ['fleet_'],
  valuesMax: 10,
}

function headOf(series: readonly SentSeries[]) {
  const head = createHead([])
  head.append(requestOf(bodyOf(series)), base + 200_000)
  return head
}

it('knows the newest sample, active series, and samples per second of each value', async () => {
  const head = headOf([
    sent('up', 'west', [base, base + 30_000, base + 60_000]),
    sent('load', 'west', [base + 60_000, base + 75_000]),
    sent('old', 'west', [base, base + 1000]),
    sent('up', 'east', [base + 10_000]),
  ])
  expect(await head.activity(call)).toEqual(
    new Map([
      ['west', { newestMs: base + 75_000, activeSeries: 2, samplesPerSecond: 1 / 30 + 1 / 15 }],
      ['east', { newestMs: base + 10_000, activeSeries: 0, samplesPerSecond: 0 }],
    ]),
  )
})

it('leaves out metrics that do not count, and values that have no others', async () => {
  const head = headOf([
    sent('fleet_state', 'west', [base + 90_000]),
    sent('up', 'west', [base + 70_000]),
    sent('fleet_state', 'east', [base + 90_000]),
  ])
  const found = await head.activity(call)
  expect([...found.keys()]).toEqual(['west'])
  expect(found.get('west')).toMatchObject({ newestMs: base + 70_000, activeSeries: 1 })
})

it('takes a value from the newest window that has it', async () => {
  const head = headOf([
    sent('up', 'west', [base - 1000, base + 70_000]),
    sent('up', 'east', [base - 1000]),
  ])
  const found = await head.activity(call)
  expect(found.get('west')).toMatchObject({ newestMs: base + 70_000, activeSeries: 1 })
  expect(found.get('east')).toMatchObject({ newestMs: base - 1000, activeSeries: 0 })
})

it('is of one tenant, and of a bounded number of values', async () => {
  const head = headOf([sent('up', 'west', [base]), sent('up', 'east', [base])])
  expect((await head.activity({ ...call, tenant: 'other' })).size).toBe(0)
  expect((await head.activity({ ...call, valuesMax: 1 })).size).toBe(1)
})
