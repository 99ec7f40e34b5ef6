// Rights of a reader whose stream stays open: looked at again and again, since tokens run out and bindings change.
// Invariants: a stream never goes on with rights other than it began with; where they cannot be found out twice in a row it
// ends too: not at once, since a browser that is refused when it comes back never tries again.

import type { FastifyRequest } from 'fastify'
import { requireReader } from '../../access/index.ts'
import { scopeKey, UserError } from '../../model/index.ts'

/** Why a stream ends: the last event that its reader gets. */
export class StreamEnd extends Error {
  readonly event: string

  constructor(event: string, message: string) {
    super(message)
    this.event = event
  }
}

/** Looks every `everyMs` until `signal` fires; calls `onEnd` once, when the rights are not those of the beginning. */
export function watchRights(
  request: FastifyRequest,
  everyMs: number,
  signal: AbortSignal,
  onEnd: (end: StreamEnd) => void,
): void {
  const rights = rightsOf(request)
  let wasUnknown = false
  let timer: NodeJS.Timeout
  const look = async (): Promise<void> => {
    const end = await compare(request, rights)
    if (signal.aborted) return
    const isUnknown = end?.event === 'unavailable'
    if (end === undefined || (isUnknown && !wasUnknown)) wait()
    else onEnd(end)
    wasUnknown = isUnknown
  }
  const wait = (): void => {
    timer = setTimeout(() => void look(), everyMs)
    timer.unref()
  }
  wait()
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
}

function rightsOf({ caller }: Pick<FastifyRequest, 'caller'>): string {
  return scopeKey(caller.scope)
}

async function compare(request: FastifyRequest, rights: string): Promise<StreamEnd | undefined> {
  try {
    const caller = await request.identify()
    requireReader(caller)
    if (rightsOf({ caller }) === rights) return undefined
    return new StreamEnd('rights_changed', 'what you may see has changed; open the stream again')
  } catch (error) {
    if (error instanceof UserError) return new StreamEnd(error.code, error.message)
    return new StreamEnd('unavailable', 'your rights cannot be found out now')
  }
}
