// Decisions on disk: what was saved is there again, as PlacementDecisions that our own reader reads.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DecisionStore, decide, readObject, readPlacement } from '../../../src/fleet/index.ts'
import { cluster, placement, world } from './world-of.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'decisions-'))
})
afterEach(() => rm(directory, { recursive: true }))

const groups = {
  decisionStrategy: {
    groupStrategy: {
      decisionGroups: [
        {
          groupName: 'canary',
          groupClusterSelector: { labelSelector: { matchLabels: { canary: 'yes' } } },
        },
      ],
    },
  },
}

function hubOf(clusterCount: number, spec: object = groups, decided = {}) {
  const clusters = Array.from({ length: clusterCount }, (_, i) =>
    cluster(`c${String(i).padStart(3, '0')}`, { labels: { canary: i < 3 ? 'yes' : 'no' } }),
  )
  const decision = decide(readPlacement(placement(spec)), world(clusters, { decided }))
  const names = decision.clusters.toSorted()
  return { decided: new Map([['apps/web', names]]), decisions: new Map([['apps/web', decision]]) }
}

async function items(): Promise<{ metadata: { name: string; labels: object }; status: object }[]> {
  return JSON.parse(await readFile(join(directory, 'my%2Fhub.json'), 'utf8')).items
}

describe('the store of decisions', () => {
  it('gives a new process what was decided, cut in shards of a hundred, group by group', async () => {
    const hub = hubOf(250)
    await new DecisionStore(directory).save('my/hub', hub)
    expect(await new DecisionStore(directory).load('my/hub')).toEqual(hub.decided)
    const stored = await items()
    expect(stored.map(({ metadata }) => metadata.name)).toEqual(
      [1, 2, 3, 4].map((n) => `web-decision-${n}`),
    )
    expect(stored[0]!.metadata.labels).toMatchObject({
      'cluster.open-cluster-management.io/decision-group-name': 'canary',
    })
    const parts = stored.map(readObject)
    expect(parts[1]).toMatchObject({ part: 'decision', namespace: 'apps', placement: 'web' })
  })

  it('keeps the groups of placements that are not decided anew, as where they are misconfigured', async () => {
    const hub = hubOf(10)
    await new DecisionStore(directory).save('my/hub', hub)
    const before = await items()
    const again = new DecisionStore(directory)
    const decided = await again.load('my/hub')
    const wrong = hubOf(10, { tolerations: [{ operator: 'Equal' }] }, Object.fromEntries(decided))
    expect(wrong.decisions.get('apps/web')!.outcome).toBe('misconfigured')
    await again.save('my/hub', wrong)
    expect(await items()).toEqual(before)
    await again.save('my/hub', {
      decided: new Map([['n/taken-over', ['a']]]),
      decisions: new Map(),
    })
    expect(await new DecisionStore(directory).load('my/hub')).toEqual(
      new Map([['n/taken-over', ['a']]]),
    )
  })

  it('has nothing of a hub that it never saw, and reads no replacement that did not end', async () => {
    await writeFile(join(directory, 'h.json.tmp'), '{"items": [')
    expect(await new DecisionStore(directory).load('h')).toEqual(new Map())
    await new DecisionStore(join(directory, 'new')).save('h', hubOf(1))
    expect(await readdir(join(directory, 'new'))).toEqual(['h.json'])
  })

  it('refuses a broken file rather than forgetting what was decided', async () => {
    await writeFile(join(directory, 'h.json'), '{"items": [')
    await expect(new DecisionStore(directory).load('h')).rejects.toThrow(/h\.json is corrupt/)
    await writeFile(join(directory, 'h.json'), '{"items": [{"metadata": {"name": "x"}}]}')
    await expect(new DecisionStore(directory).load('h')).rejects.toThrow(/item 0 with label/)
  })

  it('saves in order', async () => {
    const store = new DecisionStore(directory)
    const saves = [1, 2, 3, 4].map((count) => store.save('h', hubOf(count)))
    await Promise.all(saves)
    expect((await new DecisionStore(directory).load('h')).get('apps/web')).toHaveLength(4)
  })
})
