// The fixture directory as a fleet: read from its files, decided here, at noon.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assembleHub } from '../../src/fleet/index.ts'
import { parseManifests } from '../../src/fleet/source/manifest-file.ts'
import { readParts } from '../../src/fleet/source/read-object.ts'

/** Where the fixture stands. */
export const fixtures = join(import.meta.dirname, 'fixtures')

/** Noon of the day of the fixture. */
export const nowMs = Date.parse('2026-03-01T12:00:00Z')

/** All objects of the fixture. */
export function fixtureObjects(): readonly object[] {
  return readdirSync(fixtures).flatMap((file) => {
    const parsed = parseManifests(readFileSync(join(fixtures, file), 'utf8'))
    if ('mistake' in parsed) throw new Error(`${file}: ${parsed.mistake}`)
    return parsed.objects
  })
}

/** Everything that objects say. */
export function partsOf(objects: readonly object[]) {
  return objects.flatMap((object) => Object.values(readParts(object)).flatMap((part) => part ?? []))
}

/** The fixture's fleet. Newest samples: prod-eu-1 ten seconds old, prod-eu-2 twenty minutes. */
export function fixtureFleet(
  decided: ReadonlyMap<string, readonly string[]> = new Map(),
): ReturnType<typeof assembleHub> {
  return assembleHub(
    {
      hub: 'local',
      parts: partsOf(fixtureObjects()),
      embedded: decided,
    },
    {
      nowMs,
      lastSampleMs: new Map([
        ['prod-eu-1', nowMs - 10_000],
        ['prod-eu-2', nowMs - 1_200_000],
      ]),
      senders: new Set(['crowsnest']),
      sampleAgeMsMax: 300_000,
    },
  )
}
