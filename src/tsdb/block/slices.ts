// Sliced work: long work that pauses now and then, so that a thread which must stay responsive can do other things in
// between. Slices are a few milliseconds long.

/** Work in slices: whoever holds it resumes it until it is done. */
export type Slices<T> = Generator<void, T, void>

/** Does all of it in one go. */
export function atOnce<T>(work: Slices<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}
