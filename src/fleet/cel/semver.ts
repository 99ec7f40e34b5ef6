// Semantic versions 2.0.0 as Kubernetes' CEL library has them: parsing and comparing.
// Source: semver.org §2, §9–11.

/** A version; pre-release identifiers as written, build metadata left out. */
export class Semver {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly preRelease: readonly string[]

  constructor(major: bigint, minor: bigint, patch: bigint, preRelease: readonly string[]) {
    this.major = major
    this.minor = minor
    this.patch = patch
    this.preRelease = preRelease
  }
}

const number = '(0|[1-9]\\d*)'
const strict = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`,
)

/** The version that a text is, or undefined; a leading v, missing parts and leading zeros are not allowed. */
export function parseSemver(text: string): Semver | undefined {
  const match = strict.exec(text)
  if (match === null) return undefined
  const preRelease = match[4] === undefined ? [] : match[4].split('.')
  const isBad = preRelease.some((part) => part === '' || /^0\d+$/.test(part))
  if (isBad) return undefined
  return new Semver(BigInt(match[1]!), BigInt(match[2]!), BigInt(match[3]!), preRelease)
}

/** −1, 0 or 1. */
export function compareSemver(one: Semver, other: Semver): number {
  for (const part of ['major', 'minor', 'patch'] as const)
    if (one[part] !== other[part]) return one[part] < other[part] ? -1 : 1
  // A release is above its pre-releases.
  if (one.preRelease.length === 0 || other.preRelease.length === 0)
    return Math.sign(other.preRelease.length - one.preRelease.length)
  for (const [i, a] of one.preRelease.entries()) {
    const b = other.preRelease[i]
    if (b === undefined) return 1
    if (a !== b) return compareIdentifiers(a, b)
  }
  return one.preRelease.length < other.preRelease.length ? -1 : 0
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumberA && isNumberB) return BigInt(a) < BigInt(b) ? -1 : 1
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1
  return a < b ? -1 : 1
}
