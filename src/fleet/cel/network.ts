// IP addresses, CIDRs and URLs in CEL.
// Source: Kubernetes' documentation of CEL (ip, cidr and url libraries). Not here: ip.isCanonical and string(IP).

import { isIPv4, isIPv6 } from 'node:net'
import type { Environment } from '@marcbachmann/cel-js'

/** An address: of 32 or 128 bits. */
class Address {
  readonly bits: 32 | 128
  readonly value: bigint

  constructor(bits: 32 | 128, value: bigint) {
    this.bits = bits
    this.value = value
  }
}

/** A CIDR: the address as written, and how many of its bits are the network's. */
class Network {
  readonly address: Address
  readonly length: number

  constructor(address: Address, length: number) {
    this.address = address
    this.length = length
  }
}

/** An absolute URL, or the absolute path of one, in parts as written. */
class Url {
  readonly scheme: string
  readonly host: string
  readonly path: string
  readonly query: string

  constructor(scheme: string, host: string, path: string, query: string) {
    this.scheme = scheme
    this.host = host
    this.path = path
    this.query = query
  }
}

/** Adds the functions. */
export function registerNetwork(env: Environment): void {
  registerAddresses(env)
  registerNetworks(env)
  registerUrls(env)
}

function registerAddresses(env: Environment): void {
  env.registerType('IP', { ctor: Address, fields: {} })
  env.registerFunction('ip(string): IP', address)
  env.registerFunction('isIP(string): bool', (text: string) => parseAddress(text) !== undefined)
  env.registerOperator('IP == IP', isSame)
  env.registerFunction('IP.family(): int', ({ bits }: Address) => (bits === 32 ? 4n : 6n))
  const isIn = (one: Address, v4: string, v6: string): boolean =>
    contains(network(one.bits === 32 ? v4 : v6), one)
  const isLocalMulticast = (one: Address) => isIn(one, '224.0.0.0/24', 'ff02::/16')
  const isLocalUnicast = (one: Address) => isIn(one, '169.254.0.0/16', 'fe80::/10')
  const isLoopback = (one: Address) => isIn(one, '127.0.0.0/8', '::1/128')
  const isMulticast = (one: Address) => isIn(one, '224.0.0.0/4', 'ff00::/8')
  const isUnspecified = ({ value }: Address) => value === 0n
  const isBroadcast = ({ bits, value }: Address) => bits === 32 && value === 0xff_ff_ff_ffn
  env.registerFunction('IP.isUnspecified(): bool', isUnspecified)
  env.registerFunction('IP.isLoopback(): bool', isLoopback)
  env.registerFunction('IP.isLinkLocalMulticast(): bool', isLocalMulticast)
  env.registerFunction('IP.isLinkLocalUnicast(): bool', isLocalUnicast)
  const isSpecial = [isUnspecified, isBroadcast, isLoopback, isMulticast, isLocalUnicast]
  env.registerFunction('IP.isGlobalUnicast(): bool', (one: Address) =>
    isSpecial.every((is) => !is(one)),
  )
}

function registerNetworks(env: Environment): void {
  env.registerType('CIDR', { ctor: Network, fields: {} })
  env.registerFunction('cidr(string): CIDR', network)
  env.registerFunction('isCIDR(string): bool', (text: string) => parseNetwork(text) !== undefined)
  env.registerOperator(
    'CIDR == CIDR',
    (one: Network, other: Network) =>
      one.length === other.length && isSame(one.address, other.address),
  )
  env.registerFunction('CIDR.containsIP(IP): bool', contains)
  env.registerFunction('CIDR.containsIP(string): bool', (one: Network, text: string) =>
    contains(one, address(text)),
  )
  const containsAll = (one: Network, other: Network): boolean =>
    other.length >= one.length && contains(one, masked(other).address)
  env.registerFunction('CIDR.containsCIDR(CIDR): bool', containsAll)
  env.registerFunction('CIDR.containsCIDR(string): bool', (one: Network, text: string) =>
    containsAll(one, network(text)),
  )
  env.registerFunction('CIDR.ip(): IP', (one: Network) => one.address)
  env.registerFunction('CIDR.masked(): CIDR', masked)
  env.registerFunction('CIDR.prefixLength(): int', ({ length }: Network) => BigInt(length))
}

function registerUrls(env: Environment): void {
  env.registerType('URL', { ctor: Url, fields: {} })
  env.registerFunction(
    'url(string): URL',
    (text: string) => parseUrl(text) ?? fail(`"${text}" is not a URL`),
  )
  env.registerFunction('isURL(string): bool', (text: string) => parseUrl(text) !== undefined)
  env.registerFunction('URL.getScheme(): string', ({ scheme }: Url) => scheme)
  env.registerFunction('URL.getHost(): string', ({ host }: Url) => host)
  env.registerFunction('URL.getHostname(): string', ({ host }: Url) =>
    host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1'),
  )
  env.registerFunction(
    'URL.getPort(): string',
    ({ host }: Url) => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? '',
  )
  env.registerFunction('URL.getEscapedPath(): string', ({ path }: Url) => path)
  env.registerFunction('URL.getQuery(): map<string, list<string>>', ({ query }: Url) => {
    const values = new Map<string, string[]>()
    for (const [name, value] of new URLSearchParams(query))
      values.set(name, [...(values.get(name) ?? []), value])
    return values
  })
}

function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) {
    const value = text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
    return new Address(32, value)
  }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const value = valueOfIPv6(text)
  // An IPv4 address in IPv6 clothes is refused: the same address would have two names.
  return value >> 32n === 0xffffn ? undefined : new Address(128, value)
}

function valueOfIPv6(text: string): bigint {
  const [head = '', tail] = text.replace(/[\d.]+\.[\d.]+$/, hexOfIPv4).split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const all = [...before, ...new Array<string>(zeros).fill('0'), ...after]
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}

function hexOfIPv4(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

function parseNetwork(text: string): Network | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text)
  const parsed = match === null ? undefined : parseAddress(match[1]!)
  if (match === null || parsed === undefined || Number(match[2]) > parsed.bits) return undefined
  return new Network(parsed, Number(match[2]))
}

function parseUrl(text: string): Url | undefined {
  if (/[\s#]|%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  const absolute = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?]*)([^?]*)(?:\?(.*))?$/.exec(text)
  if (absolute !== null) {
    const [, scheme = '', authority = '', path = '', query = ''] = absolute
    return new Url(scheme.toLowerCase(), authority.replace(/^.*@/, ''), path, query)
  }
  const path = /^(\/[^?]*)(?:\?(.*))?$/.exec(text)
  return path === null ? undefined : new Url('', '', path[1]!, path[2] ?? '')
}

function address(text: string): Address {
  return parseAddress(text) ?? fail(`"${text}" is not an IP address`)
}

function network(text: string): Network {
  return parseNetwork(text) ?? fail(`"${text}" is not a CIDR`)
}

function isSame(one: Address, other: Address): boolean {
  return one.bits === other.bits && one.value === other.value
}

function contains({ address: { bits, value }, length }: Network, one: Address): boolean {
  const shift = BigInt(bits - length)
  return one.bits === bits && one.value >> shift === value >> shift
}

function masked({ address: { bits, value }, length }: Network): Network {
  const shift = BigInt(bits - length)
  return new Network(new Address(bits, (value >> shift) << shift), length)
}

function fail(message: string): never {
  throw new Error(message)
}
