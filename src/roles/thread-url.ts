// Where a thread's entry is: beside this file, as .ts in a source tree and as .js in the release bundle.

/** The entries. */
export type ThreadName =
  | 'lane-thread'
  | 'log-thread'
  | 'query-thread'
  | 'block-thread'
  | 'otlp-thread'
  | 'fleet-thread'

/** The URL to start a Worker from. */
export function threadUrl(name: ThreadName): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./${name}.${extension}`, import.meta.url)
}
