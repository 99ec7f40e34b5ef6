// What we ask of an API server and what it answers: recorded on a real kube-apiserver 1.34.3 with etcd 3.4.23,
// held against the double, and against the server of KUBECONFIG where one is given. That one must be empty, have been
// up for five minutes (`expired` needs a compaction of its etcd), and let us do everything.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KubeEndpoint, openEndpoint } from '../../src/kube/index.ts'
import { ApiServerDouble } from './api-server-double/api-server.ts'
import { prepareWidgets, runScenario } from './transcripts/record.ts'
import { scenarios } from './transcripts/scenarios.ts'

const kubeconfig = process.env.KUBECONFIG
const golden = (name: string): string => join(import.meta.dirname, 'golden', `${name}.golden.json`)

describe('the double answers as a real API server does', () => {
  const double = new ApiServerDouble()
  beforeAll(async () => {
    await double.start()
    await prepareWidgets(double.endpoint())
  })
  afterAll(() => double.stop())

  it.each(Object.keys(scenarios))('%s', async (name) => {
    const exchanges = await runScenario(double.endpoint(), name)
    expect(exchanges).toEqual(JSON.parse(readFileSync(golden(name), 'utf8')))
  })
})

if (kubeconfig !== undefined) {
  describe('the API server of KUBECONFIG answers as recorded', () => {
    let endpoint: KubeEndpoint
    beforeAll(async () => {
      endpoint = await openEndpoint({ kubeconfig })
      await prepareWidgets(endpoint)
    })

    it.each(Object.keys(scenarios))('%s', async (name) => {
      const exchanges = await runScenario(endpoint, name)
      if (process.env.RECORD_TRANSCRIPTS === 'yes')
        writeFileSync(golden(name), `${JSON.stringify(exchanges, null, 1)}\n`)
      expect(exchanges).toEqual(JSON.parse(readFileSync(golden(name), 'utf8')))
    })
  })
}
