// The short run of the simulation; the long one is test/e2e/lane-power-cut.test.ts.
import { describe, it } from 'vitest'
import { runLanes } from './lane-simulation.ts'

describe('a lane over power cuts, kills and full disks', () => {
  it('has every acknowledged sample once, and none that was never sent, whatever was under way', async () => {
    await runLanes(1, 20)
  })
})
