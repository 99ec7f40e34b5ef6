// Requests in flight: how many, how many bytes of body, how many of each tenant; all bounded.
// Invariants: what `enter` took, `leave` gives back exactly once; tenants without requests cost nothing.

import { UserError } from '../model/index.ts'

/** The bounds over all tenants. */
export interface InFlightBounds {
  readonly requestsMax: number
  readonly bodyBytesMax: number
}

/** A place taken by one request. */
export interface Place {
  leave(): void
}

/** The door's register of requests. */
export class InFlight {
  #requests = 0
  #bodyBytes = 0
  readonly #byTenant = new Map<string, number>()
  #waiting: (() => void)[] = []

  /** Requests that are in. */
  get requests(): number {
    return this.#requests
  }

  /** Bytes that they reserved. */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  /**
   * Takes a place; `tenantMax` 0 = unlimited. Throws UserError limit_exceeded where the tenant has too many
   * requests, unavailable where all tenants together have, body_too_large where the body can never fit.
   */
  enter(tenant: string, bodyBytes: number, tenantMax: number, bounds: InFlightBounds): Place {
    refuseHopeless(tenant, bodyBytes, bounds)
    const own = this.#byTenant.get(tenant) ?? 0
    if (tenantMax !== 0 && own >= tenantMax) {
      throw new UserError('limit_exceeded', {
        what: `tenant ${tenant} has ${own} write requests in flight already`,
        fix: 'send fewer at a time, or raise limits.requestsInFlight',
      })
    }
    if (this.#requests >= bounds.requestsMax || this.#bodyBytes + bodyBytes > bounds.bodyBytesMax) {
      throw new UserError('unavailable', {
        what: `${this.#requests} write requests with ${this.#bodyBytes} body bytes are in flight already`,
        fix: 'retry, or raise ingest.requestsInFlight',
      })
    }
    this.#requests++
    this.#bodyBytes += bodyBytes
    this.#byTenant.set(tenant, own + 1)
    let inside = true
    const leave = (): void => {
      if (!inside) return
      inside = false
      this.#leave(tenant, bodyBytes)
    }
    return { leave }
  }

  /** Resolves once nobody is in. */
  empty(): Promise<void> {
    if (this.#requests === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #leave(tenant: string, bodyBytes: number): void {
    this.#requests--
    this.#bodyBytes -= bodyBytes
    const own = this.#byTenant.get(tenant)! - 1
    if (own === 0) this.#byTenant.delete(tenant)
    else this.#byTenant.set(tenant, own)
    if (this.#requests > 0) return
    for (const resolve of this.#waiting) resolve()
    this.#waiting = []
  }
}

function refuseHopeless(tenant: string, bodyBytes: number, bounds: InFlightBounds): void {
  if (bodyBytes <= bounds.bodyBytesMax) return
  throw new UserError('body_too_large', {
    what: `the body has ${bodyBytes} bytes, more than all bodies together may have`,
    where: `tenant ${tenant}`,
    fix: 'send smaller requests',
  })
}
