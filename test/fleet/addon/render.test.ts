import { describe, expect, it } from 'vitest'
import {
  type AddonIntent,
  type AddonLayer,
  addOnDeploymentConfig,
  addOnTemplate,
  clusterManagementAddOn,
  emptyAllowlist,
  intentOf,
  karmadaObjects,
  kubefedObjects,
  layerOfDeploymentConfig,
  type Manifest,
  managedClusterAddOn,
  manifestWorks,
  policyManifests,
  registrationOf,
  spokeManifests,
  tolerantPlacement,
} from '../../../src/fleet/index.ts'
import { signerName, subjectNames } from '../../../src/identity/index.ts'
import { crdsFolder, faultsBy } from './custom-resources.ts'

const authority = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const allowlist = { ...emptyAllowlist, names: ['up', 'node_cpu_seconds_total'] }
const fleet: AddonLayer = { writeUrl: 'https://gateway.example:10902/api/v1/write', allowlist }
const intentFor = (name: string, ...layers: AddonLayer[]): AddonIntent =>
  intentOf({ name, id: `${name}-id` }, [fleet, ...layers])

const configOf = (manifests: readonly Manifest[]) => {
  const map = manifests.find(({ kind }) => kind === 'ConfigMap') as unknown as {
    data: Record<string, string>
  }
  return JSON.parse(map.data['prometheus.yml']!) as {
    global: { external_labels: Record<string, string>; scrape_interval: string }
    scrape_configs: { job_name: string; params?: Record<string, string[]> }[]
    remote_write: { url: string; write_relabel_configs: Record<string, unknown>[] }[]
  }
}

describe('the intent for a cluster', () => {
  it('is what its layers say, the last of them first', () => {
    const intent = intentFor('east', { interval: '1m', image: 'a' }, { interval: '30s' })
    expect(intent).toMatchObject({ interval: '30s', image: 'a', collection: 'federate' })
  })

  it('is refused with every fault where it cannot be', () => {
    const bad = {
      writeUrl: 'http://gateway',
      interval: 'soon',
      namespace: 'A',
      allowlist: emptyAllowlist,
    }
    expect(() => intentFor('east', bad)).toThrow(
      /not https.*interval "soon".*namespace "A".*allowlist is empty/,
    )
  })

  it('comes out of an AddOnDeploymentConfig as it went in', () => {
    const settings = {
      interval: '2m',
      nodeSelector: { role: 'infra' },
      tolerations: [{ key: 'infra', operator: 'Exists' as const }],
      registries: [{ source: 'quay.io', mirror: 'mirror.example/quay' }],
      proxy: { httpsProxy: 'http://proxy:3128' },
      namespace: 'metrics',
      resources: { limits: { memory: '1Gi' } },
    }
    const { spec } = addOnDeploymentConfig({ namespace: 'hub', name: 'fleet' }, settings)
    expect(layerOfDeploymentConfig(spec as never)).toEqual(settings)
    expect(() =>
      layerOfDeploymentConfig({ customizedVariables: [{ name: 'INTERVALL', value: '1m' }] }),
    ).toThrow(/INTERVALL is not known; use .*INTERVAL/)
  })
})

describe('what lands on a spoke', () => {
  it('is the same each time it is rendered', () => {
    expect(spokeManifests(intentFor('east'), authority)).toEqual(
      spokeManifests(intentFor('east'), authority),
    )
  })

  it('runs as nobody, with nothing to escape by and the rights that its collection needs', () => {
    const text = JSON.stringify(spokeManifests(intentFor('east'), authority))
    expect(text).toContain('"runAsNonRoot":true')
    expect(text).toContain('"readOnlyRootFilesystem":true')
    expect(text).toContain('"capabilities":{"drop":["ALL"]}')
    expect(text).not.toContain('"*"')
    expect(text).not.toContain('secrets"')
    expect(text).not.toContain('nodes/proxy')
    const scraping = JSON.stringify(
      spokeManifests(intentFor('east', { collection: 'scrape' }), authority),
    )
    expect(scraping).toContain('nodes/proxy')
    expect(scraping).not.toContain('prometheuses/api')
  })

  it('is a new pod when the configuration is another one, and only then', () => {
    const revision = (intent: AddonIntent) => {
      const set = spokeManifests(intent, authority).find(({ kind }) => kind === 'StatefulSet')
      const { template } = (set as unknown as { spec: { template: Manifest } }).spec
      return template.metadata.annotations?.['crowsnest.io/revision']
    }
    expect(revision(intentFor('east', { interval: '1m' }))).not.toBe(revision(intentFor('east')))
    expect(revision(intentFor('east', { image: 'x' }))).toBe(revision(intentFor('east')))
  })

  it('leaves the namespace behind, since other addons live there, and takes the volume along', () => {
    const [namespace] = spokeManifests(intentFor('east'), authority)
    expect(namespace!.metadata.annotations).toEqual({
      'addon.open-cluster-management.io/deletion-orphan': '',
    })
    const [work] = manifestWorks(intentFor('east', { namespace: 'metrics' }), authority)
    expect((work!.spec as { deleteOption: unknown }).deleteOption).toEqual({
      propagationPolicy: 'SelectivelyOrphan',
      selectivelyOrphans: {
        orphaningRules: [{ group: '', resource: 'namespaces', name: 'metrics' }],
      },
    })
    const text = JSON.stringify(spokeManifests(intentFor('east', { walVolumeSize: '1Gi' }), ''))
    expect(text).toContain('"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"')
  })

  it('carries its revision where the cluster reports it back', () => {
    const revision = (intent: AddonIntent) =>
      spokeManifests(intent, authority).find(({ kind }) => kind === 'StatefulSet')?.metadata
        .annotations?.['crowsnest.io/revision']
    expect(revision(intentFor('east'))).toBe(revision(intentFor('east')))
    expect(revision(intentFor('east', { image: 'x' }))).not.toBe(revision(intentFor('east')))
  })

  it('takes the longest mirror that fits an image', () => {
    const registries = [
      { source: 'quay.io', mirror: 'm/quay' },
      { source: 'quay.io/prometheus', mirror: 'm/prom' },
      { source: 'quay', mirror: 'wrong' },
    ]
    const manifests = JSON.stringify(spokeManifests(intentFor('east', { registries }), authority))
    expect(manifests).toContain('"image":"m/prom/prometheus:v3.14.0"')
  })

  it('federates what the allowlist names, under new names, without labels of replicas', () => {
    const list = {
      ...allowlist,
      matches: ['__name__="kube_pod_info",namespace="shop"'],
      renames: { 'old.name': 'new_name' },
      recordingRules: [{ record: 'cluster:cpu', expr: 'sum(x)' }],
      collectGroups: [
        { group: 'g', rules: [{ collect: 'c', expr: 'x', dynamic_metrics: { names: ['extra'] } }] },
      ],
    }
    const config = configOf(spokeManifests(intentFor('east', { allowlist: list }), authority))
    expect(config.scrape_configs[0]?.params?.['match[]']).toEqual([
      '{__name__="up"}',
      '{__name__="node_cpu_seconds_total"}',
      '{__name__="cluster:cpu"}',
      '{__name__="extra"}',
      '{__name__="kube_pod_info",namespace="shop"}',
    ])
    expect(config.remote_write[0]?.write_relabel_configs).toEqual([
      {
        source_labels: ['__name__'],
        regex: 'old\\.name',
        target_label: '__name__',
        replacement: 'new_name',
      },
      { regex: 'prometheus|prometheus_replica|managed_cluster', action: 'labeldrop' },
    ])
    expect(config.global.external_labels).toEqual({ cluster: 'east', clusterID: 'east-id' })
  })
})

describe('on Open Cluster Management', () => {
  it('the agent asks for the subject that its certificate must have, of a signer that checks it', () => {
    const { subject, signerName: signer } = registrationOf('east', '0123456789abcdef')
    expect(signer).toBe(signerName)
    expect(subjectNames({ cluster: 'east', stamp: '0123456789abcdef' })).toEqual([
      { CN: [subject.user] },
      ...subject.groups.map((group) => ({ O: [group] })),
      ...subject.organizationUnit.map((unit) => ({ OU: [unit] })),
    ])
    // A signer in the template would be signed for by a manager that checks nothing.
    expect(addOnTemplate('t', intentFor('any'), authority).spec).not.toHaveProperty('registration')
  })

  it('works stay within their size and keep the order of manifests', () => {
    const names = Array.from({ length: 9000 }, (_, i) => `metric_with_a_long_name_${i}_total`)
    const intent = intentFor('east', { allowlist: { ...allowlist, names } })
    const works = manifestWorks(intent, authority)
    const manifests = works.flatMap(
      (work) =>
        (work as unknown as { spec: { workload: { manifests: Manifest[] } } }).spec.workload
          .manifests,
    )
    expect(works.length).toBeGreaterThan(1)
    expect(works.map(({ metadata }) => metadata.name)).toEqual(
      works.map((_, i) => `addon-crowsnest-deploy-${i}`),
    )
    expect(manifests).toEqual(spokeManifests(intent, authority))
  })

  it('placements keep the addon on clusters that cannot be reached', () => {
    expect(tolerantPlacement({ namespace: 'n', name: 'p' }, ['global'])).toMatchObject({
      spec: {
        tolerations: [
          { key: 'cluster.open-cluster-management.io/unreachable', operator: 'Exists' },
          { key: 'cluster.open-cluster-management.io/unavailable', operator: 'Exists' },
        ],
      },
    })
  })
})

const clusters = ['east', 'west'].map((name) => ({
  intent: intentFor(name),
  credentials: { certificate: `cert of ${name}`, key: `key of ${name}` },
}))

describe('on Karmada', () => {
  it('each cluster gets its own certificate and no other', () => {
    const objects = karmadaObjects(clusters, authority)
    const policy = objects.find(({ kind }) => kind === 'ClusterOverridePolicy') as unknown as {
      spec: {
        overrideRules: {
          targetCluster: { clusterNames: string[] }
          overriders: { plaintext: { path: string; value: string }[] }
        }[]
      }
    }
    const certificates = policy.spec.overrideRules.map(({ targetCluster, overriders }) => [
      targetCluster.clusterNames,
      overriders.plaintext
        .filter(({ path }) => path.startsWith('/data/tls'))
        .map(({ value }) => Buffer.from(value, 'base64').toString()),
    ])
    expect(certificates).toEqual([
      [['east'], ['cert of east', 'key of east']],
      [['west'], ['cert of west', 'key of west']],
    ])
    const secret = objects.find(({ metadata }) => metadata.name.endsWith('client-cert'))
    expect(JSON.stringify(secret)).not.toContain(
      Buffer.from('key of').toString('base64').slice(0, 6),
    )
  })
})

if (crdsFolder !== undefined) {
  const folder = crdsFolder
  describe('what is rendered', () => {
    const faultsOf = faultsBy(folder)

    it("fits the schemas of Open Cluster Management's resources", () => {
      const objects = [
        clusterManagementAddOn([{ namespace: 'n', name: 'p', config: 'c' }], {
          lifecycle: 'addon-manager',
          template: 't',
          config: { namespace: 'n', name: 'c' },
        }),
        clusterManagementAddOn([], { lifecycle: 'self' }),
        addOnDeploymentConfig({ namespace: 'n', name: 'c' }, intentFor('east')),
        addOnTemplate('t', intentFor('any'), authority),
        {
          ...managedClusterAddOn(intentFor('east')),
          status: { registrations: [registrationOf('east', 's')] },
        },
        managedClusterAddOn(intentFor('east')),
        tolerantPlacement({ namespace: 'n', name: 'p' }, ['global']),
        ...manifestWorks(intentFor('east'), authority),
      ]
      expect(objects.flatMap(faultsOf)).toEqual([])
    })

    it("fits the schemas of Karmada's policies", () => {
      const policies = karmadaObjects(clusters, authority).filter(({ apiVersion }) =>
        apiVersion.startsWith('policy.karmada.io'),
      )
      expect(policies).toHaveLength(2)
      expect(policies.flatMap(faultsOf)).toEqual([])
    })

    it('would be refused with a field that a schema does not know', () => {
      const broken = { ...managedClusterAddOn(intentFor('east')), spec: { instalNamespace: 'x' } }
      expect(faultsOf(broken)).toEqual(['/spec/instalNamespace: unknown field'])
    })
  })
}

describe('on KubeFed', () => {
  it('everything is a federated object with template, placement and overrides by cluster', () => {
    const objects = kubefedObjects(clusters, authority) as unknown as {
      kind: string
      spec: { placement: unknown; overrides?: { clusterName: string }[] }
    }[]
    expect(objects.every(({ kind }) => kind.startsWith('Federated'))).toBe(true)
    expect(objects[0]?.spec.placement).toEqual({ clusters: [{ name: 'east' }, { name: 'west' }] })
    const map = objects.find(({ kind }) => kind === 'FederatedConfigMap')
    expect(map?.spec.overrides?.map(({ clusterName }) => clusterName)).toEqual(['east', 'west'])
  })
})

describe('as a policy', () => {
  it("carries the propagator's template in place of the cluster's name", () => {
    const config = configOf(policyManifests(intentFor('any'), authority))
    expect(config.global.external_labels.cluster).toBe('{{hub .ManagedClusterName hub}}')
  })
})
