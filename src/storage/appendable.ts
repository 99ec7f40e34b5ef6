// The write seam: a decoded-in-form body goes to whoever keeps samples, be it our head or a peer.

/** The wire format of a body after decompression. */
export type WriteFormat = 'remote-write-1' | 'remote-write-2'

/** Labels that the sender's identity fixes; they override what was sent. */
export interface SenderIdentity {
  /** Stable key of the identity: part of the fast lookup's key, so one sender never uses another's mapping. '' = none. */
  readonly key: string
  readonly labels: Readonly<Record<string, string>>
}

/** One write request. */
export interface AppendRequest {
  readonly tenant: string
  readonly sender: SenderIdentity
  readonly format: WriteFormat
  /** Compressed as it arrived, or plain. Handed over: the caller does not touch it again. */
  readonly compression: 'snappy' | 'none'
  readonly body: Uint8Array
}

/** Why one element was refused; `count` elements of the series share the reason. */
export interface Rejection {
  readonly kind:
    | 'out_of_order'
    | 'duplicate'
    | 'too_old'
    | 'too_far_in_future'
    | 'invalid_labels'
    | 'invalid_histogram'
    | 'no_samples'
    | 'exemplar'
    | 'limit'
  readonly message: string
}

/** What became of a request. Everything counted as written is durable when the promise resolves. */
export interface AppendResult {
  readonly samplesWritten: number
  readonly histogramsWritten: number
  readonly exemplarsWritten: number
  readonly rejectedCount: number
  /** The first ten reasons, each naming series, time and remedy. */
  readonly rejections: readonly Rejection[]
  /** Set when something was refused for a limit that passes with time (429) rather than for good. */
  readonly limited: boolean
  /** Series of the body, known and new, refused ones too; absent where nobody counted. */
  readonly seriesCount?: number
}

/** Somewhere to write. Rejects with UserError: bad_data (undecodable body), not_ready, disk_full, limit_exceeded. */
export interface Appendable {
  append(request: AppendRequest): Promise<AppendResult>
}
