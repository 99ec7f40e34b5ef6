// The regular work on local blocks: what one step of it fails at keeps no other from being done.
import { expect, it, vi } from 'vitest'
import { BlockMaintenance } from '../../src/roles/block-maintenance.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'
import { cutRuleDefaults } from '../../src/tsdb/index.ts'

type Parts = ConstructorParameters<typeof BlockMaintenance>[0]

it('retains by size and age also where a window cannot be cut, because the disk is full say', async () => {
  const applyRetention = vi.fn(async () => 1)
  const metrics = new Metrics()
  const blocks = { tenants: () => [], blocksOf: () => [], applyRetention, close: async () => {} }
  const data = { rules: cutRuleDefaults, cutIntervalMs: 1, dropDelayMs: 0 }
  const bounds = { retentionMs: 60_000, retentionSizeBytes: 1000 }
  const maintenance = new BlockMaintenance({
    data: { ...data, ...bounds },
    blocks,
    metrics,
    log: createLogger('silent'),
  } as unknown as Parts)
  const full = vi.fn(async () => Promise.reject(new Error('no space left on device')))
  const lane = { windows: full, seal: full, retire: full, drop: full }
  maintenance.start([lane])
  await vi.waitFor(() => expect(applyRetention.mock.calls.length).toBeGreaterThan(1))
  await maintenance.close()
  expect(full).toHaveBeenCalled()
  const [asked] = applyRetention.mock.calls[0] as unknown as [object]
  expect(asked).toMatchObject({ retentionMs: 60_000, sizeBytesMax: 1000 })
  const exposed = await metrics.expose()
  expect(exposed).toMatch(/prometheus_tsdb_compactions_failed_total [1-9]/)
  expect(exposed).toMatch(/crowsnest_local_blocks_retired_total [2-9]/)
})
