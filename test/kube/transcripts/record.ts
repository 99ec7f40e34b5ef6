// Runs scenarios on an API server: ours or a real one.

import type { KubeEndpoint } from '../../../src/kube/index.ts'
import { scenarios, widgetDefinition, widgetGroup } from './scenarios.ts'
import { type Exchange, Transcript } from './transcript.ts'

/** Makes the scenarios' kind known to the server, and waits until it is served. */
export async function prepareWidgets(endpoint: KubeEndpoint): Promise<void> {
  const t = new Transcript(endpoint, 'preparation')
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  await t.quietly({ method: 'POST', path, body: widgetDefinition })
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await t.quietly({ method: 'GET', path: `/apis/${widgetGroup}/v1/widgets` })
    if (status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the kind of the scenarios is not served')
}

/** Runs one scenario in a namespace of its own. */
export async function runScenario(
  endpoint: KubeEndpoint,
  name: string,
): Promise<readonly Exchange[]> {
  const t = new Transcript(endpoint, `${name}-${Math.random().toString(36).slice(2, 10)}`)
  const metadata = { name: t.ns }
  await t.quietly({ method: 'POST', path: '/api/v1/namespaces', body: { metadata } })
  await scenarios[name]!(t)
  await t.quietly({ method: 'DELETE', path: `/apis/${widgetGroup}/v1/namespaces/${t.ns}/widgets` })
  await t.quietly({ method: 'DELETE', path: `/api/v1/namespaces/${t.ns}` })
  return t.exchanges
}
