// Rollouts of the fixture's addon, which is in every state, and what the hub may say otherwise.
import { describe, expect, it } from 'vitest'
import { assembleHub, readObject } from '../../../src/fleet/index.ts'
import type { Addon } from '../../../src/fleet/model/fleet.ts'
import { fixtureFleet, fixtureObjects, nowMs } from '../fixture-fleet.ts'

const at = (time: string): number => Date.parse(`2026-03-01T${time}:00Z`)
const rolloutOn = (addons: readonly Addon[], cluster: string) =>
  addons.find((addon) => addon.cluster === cluster)?.rollout

/** The fixture at another time, or with an object changed. */
function addonsOf({
  at: time = nowMs,
  change = (text: string) => text,
}: {
  readonly at?: number
  readonly change?: (text: string) => string
}): readonly Addon[] {
  const objects = fixtureObjects().map((object) => JSON.parse(change(JSON.stringify(object))))
  const parts = objects.flatMap((object) => readObject(object) ?? [])
  const data = { nowMs: time, lastSampleMs: new Map(), senders: new Set<string>() }
  return assembleHub(
    { hub: 'local', parts, embedded: new Map() },
    { ...data, sampleAgeMsMax: 300_000 },
  ).addons
}

const { addons } = fixtureFleet()

describe('the rollout of an addon on a cluster', () => {
  it('is in one state, by what is wanted there, what was applied, and what its manager says', () => {
    expect(
      addons.map(({ cluster, rollout }) => [cluster, rollout?.status.state, rollout?.placement]),
    ).toEqual([
      ['edge-1', 'succeeded', ''],
      ['prod-ap-2', 'succeeded', 'apps/everywhere'],
      ['prod-eu-1', 'progressing', 'apps/web'],
      ['prod-eu-2', 'succeeded', 'apps/web'],
      ['prod-eu-3', 'failed', 'apps/web'],
      ['prod-us-1', 'timed_out', 'apps/everywhere'],
      ['staging-1', 'to_apply', 'apps/everywhere'],
      ['staging-2', 'to_apply', 'apps/everywhere'],
    ])
  })

  it('says since when, why, and by which object', () => {
    expect(rolloutOn(addons, 'prod-eu-1')?.status).toEqual({
      state: 'progressing',
      sinceMs: at('11:55'),
      reason: 'Progressing',
      message: 'progressing... work is not ready',
      by: {
        kind: 'ManagedClusterAddOn',
        namespace: 'prod-eu-1',
        name: 'crowsnest',
        condition: 'Progressing',
      },
    })
    expect(rolloutOn(addons, 'staging-1')?.status).toMatchObject({
      reason: 'NotRolledOutYet',
      by: { kind: 'ClusterManagementAddOn', name: 'crowsnest' },
    })
  })

  it('has failed where a work could not be applied, although the manager calls that progress', () => {
    const rollout = rolloutOn(addons, 'prod-eu-3')
    expect(rollout?.status).toEqual({
      state: 'failed',
      sinceMs: at('11:59'),
      reason: 'AppliedManifestWorkFailed',
      message: 'ConfigMap metrics/crowsnest-agent: namespaces "metrics" not found',
      by: {
        kind: 'ManifestWork',
        namespace: 'prod-eu-3',
        name: 'addon-crowsnest-deploy-0',
        condition: 'Applied',
      },
    })
    // What was said of the generation before this one, and the hook of the deletion, say nothing.
    expect(rollout?.works.map(({ name, available }) => [name, available])).toEqual([
      ['addon-crowsnest-deploy-0', undefined],
    ])
  })

  it('wants the defaults, over them what the later placement has, over them what the addon itself names', () => {
    const wanted = (cluster: string) =>
      rolloutOn(addons, cluster)?.wanted.map(({ namespace, name, hash }) => [
        `${namespace}/${name}`,
        hash,
      ])
    expect(wanted('staging-2')).toEqual([['hub/fleet', 'f2']])
    expect(wanted('prod-eu-1')).toEqual([['apps/web', 'w2']])
    expect(wanted('edge-1')).toEqual([['edge-1/own', 'o1']])
  })

  it('times out when its deadline has passed, and not before', () => {
    expect(rolloutOn(addons, 'prod-eu-1')?.dueMs).toBe(at('12:05'))
    const state = (time: number) => rolloutOn(addonsOf({ at: time }), 'prod-eu-1')?.status.state
    expect(state(at('12:05') - 1)).toBe('progressing')
    expect(state(at('12:05'))).toBe('timed_out')
    const endless = addonsOf({
      at: at('23:00'),
      change: (text) => text.replaceAll('"10m"', '"None"'),
    })
    expect(rolloutOn(endless, 'prod-eu-1')?.status.state).toBe('progressing')
  })

  it('has failed where the addon does not support its configuration', () => {
    const changed = addonsOf({
      change: (text) =>
        text.includes('"staging-1"') && text.includes('ManagedClusterAddOn"')
          ? text.replace('"reason":"Progressing"', '"reason":"ConfigurationUnsupported"')
          : text,
    })
    expect(rolloutOn(changed, 'staging-1')?.status).toMatchObject({
      state: 'failed',
      reason: 'ConfigurationUnsupported',
    })
  })

  it('is read from v1beta1 as well', () => {
    const changed = addonsOf({
      change: (text) => text.replace('defaultconfigReferences', 'defaultConfigReferences'),
    })
    expect(changed.map(({ rollout }) => rollout?.status.state)).toEqual(
      addons.map(({ rollout }) => rollout?.status.state),
    )
  })

  it('is none where nothing is configured and nothing is said of progress', () => {
    const bare = {
      apiVersion: 'addon.open-cluster-management.io/v1beta1',
      kind: 'ManagedClusterAddOn',
      metadata: { namespace: 'west', name: 'other' },
    }
    const parts = [readObject(bare)!]
    const data = { nowMs, lastSampleMs: new Map(), senders: new Set<string>(), sampleAgeMsMax: 1 }
    expect(assembleHub({ hub: 'h', parts }, data).addons[0]).not.toHaveProperty('rollout')
  })
})
