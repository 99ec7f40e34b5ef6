// What starting a thread leaves behind: modules' sources, compiled code that ran once, a young generation that grew while
// they were loaded. V8 keeps those pages for a load that may never come; here they are given back once. The linear memory of a
// window that was dropped is garbage too, of which V8 sees a handle of a few bytes.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** Collects this thread's garbage and gives its free pages back: some 20 ms, so call it when starting is over or memory is short. */
export function collectGarbage(): void {
  // Only this flavor gives pages of the young generation back. Its function exists in contexts made under this flag, which
  // is the whole process': a thread that took it back would take it from others that are at this line.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
