// Where a request names its tenant: the path's `:tenant` and every value of the tenant headers.

import type { FastifyRequest } from 'fastify'

/** What a request says about its tenant; `headerNames` in lower case. */
export function tenantSourcesOf(
  request: FastifyRequest,
  headerNames: readonly string[],
): { readonly path?: string; readonly headers: readonly string[] } {
  const path = (request.params as { readonly tenant?: string } | undefined)?.tenant
  const headers = headerValues(request.raw.rawHeaders, headerNames)
  return path === undefined ? { headers } : { path, headers }
}

// Node joins repeated headers with a comma, which may stand in a tenant's name, so the raw list is read.
function headerValues(raw: readonly string[], names: readonly string[]): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i + 1] !== '' && names.includes(raw[i]!.toLowerCase())) values.push(raw[i + 1]!)
  }
  return values
}
