// The version, as package.json has it: two folders up in a source tree, beside the entry in the release bundle.

import { existsSync, readFileSync } from 'node:fs'

/** The product's version. */
export const version: string = readVersion()

function readVersion(): string {
  const places = [
    new URL('./package.json', import.meta.url),
    new URL('../../package.json', import.meta.url),
  ]
  const place = places.find((url) => existsSync(url))
  if (place === undefined)
    throw new Error('package.json is missing: the installation is incomplete')
  return (JSON.parse(readFileSync(place, 'utf8')) as { version: string }).version
}
