// A thousand power cuts and kills over log, checkpoints, cuts of windows, merging and shipping of blocks; the short run is
// test/tsdb/lane-power-cut.test.ts.
import { describe, it } from 'vitest'
import { livesPerDisk, runLanes } from '../tsdb/lane-simulation.ts'

const cutCount = 1000

describe('a thousand power cuts', () => {
  it('lose no acknowledged sample and invent none', async () => {
    await runLanes(1000, cutCount / livesPerDisk)
  })
})
