// Label cache: labels by the bytes they were sent as. New series mostly have labels that others had before; a label
// met again is the same object, which also remembers the id of its pair where it was stored last.
// Bounded: two halves, the older one is forgotten whole; what is used moves to the younger.

import type { Label } from '../../model/index.ts'

const youngMax = 8192

/** A label that knows its pair id in one generation, for one tenant. */
export class CachedLabel implements Label {
  readonly name: string
  readonly value: string
  generationId = -1
  tenantId = -1
  pair = 0

  constructor(name: string, value: string) {
    this.name = name
    this.value = value
  }
}

/** Labels by their encoded text. */
export class LabelCache {
  #young = new Map<string, CachedLabel>()
  #old = new Map<string, CachedLabel>()

  /** The label that this text stands for, where it is known. */
  get(text: string): CachedLabel | undefined {
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const old = this.#old.get(text)
    if (old !== undefined) this.#keep(text, old)
    return old
  }

  /** Makes a label and keeps it. No string may be a slice of a longer one, which would be kept with it. */
  add(text: string, name: string, value: string): CachedLabel {
    const label = new CachedLabel(name, value)
    this.#keep(text, label)
    return label
  }

  #keep(text: string, label: CachedLabel): void {
    if (this.#young.size >= youngMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, label)
  }
}
