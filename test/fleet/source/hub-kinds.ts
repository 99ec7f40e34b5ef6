// Objects of the kinds that only hubs hold.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseManifests } from '../../../src/fleet/source/manifest-file.ts'

/** All objects of hub-kinds.yaml. */
export function hubObjects(): readonly object[] {
  const parsed = parseManifests(readFileSync(join(import.meta.dirname, 'hub-kinds.yaml'), 'utf8'))
  if ('mistake' in parsed) throw new Error(parsed.mistake)
  return parsed.objects
}
