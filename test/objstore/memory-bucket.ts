// Memory bucket: a bucket in a map, for tests of what uses one.
import { compareUtf8 } from '../../src/model/index.ts'
import {
  type Bucket,
  bodyStream,
  checkObjectName,
  type ListDepth,
  type ListEntry,
  type ObjectBody,
  objectNotFound,
} from '../../src/objstore/index.ts'
import { fixedParts, gathered } from '../../src/objstore/parts.ts'

/** A bucket in memory. `fail` makes operations throw; `nowMs` dates new objects. */
export class MemoryBucket implements Bucket {
  readonly description = 'MEMORY'
  readonly objects = new Map<string, { readonly bytes: Uint8Array; readonly modifiedMs: number }>()
  fail: ((operation: string, name: string) => void) | undefined
  nowMs: () => number = Date.now

  async get(name: string): Promise<AsyncIterable<Uint8Array>> {
    return bodyStream(this.#bytes('get', name))
  }

  async getRange(name: string, offset: number, sizeBytes: number): Promise<Uint8Array> {
    return this.#bytes('getRange', name).slice(offset, offset + sizeBytes)
  }

  async put(name: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    this.fail?.('put', name)
    signal?.throwIfAborted()
    const bytes =
      body instanceof Uint8Array
        ? body.slice()
        : await gathered(fixedParts(body.open(), body.sizeBytes, body.sizeBytes))
    this.objects.set(checkObjectName(name), { bytes, modifiedMs: this.nowMs() })
  }

  async putIfAbsent(name: string, body: Uint8Array): Promise<boolean> {
    if (this.objects.has(checkObjectName(name))) return false
    await this.put(name, body)
    return true
  }

  async *list(prefix: string, depth: ListDepth): AsyncGenerator<ListEntry> {
    this.fail?.('list', prefix)
    const seen = new Set<string>()
    for (const name of [...this.objects.keys()].sort(compareUtf8)) {
      if (!name.startsWith(prefix)) continue
      const slash = depth === 'flat' ? name.indexOf('/', prefix.length) : -1
      const { bytes, modifiedMs } = this.objects.get(name)!
      if (slash < 0) yield { kind: 'object', name, sizeBytes: bytes.length, modifiedMs }
      else if (!seen.has(name.slice(0, slash + 1))) {
        seen.add(name.slice(0, slash + 1))
        yield { kind: 'prefix', name: name.slice(0, slash + 1) }
      }
    }
  }

  async attributes(name: string) {
    this.fail?.('attributes', name)
    const found = this.objects.get(checkObjectName(name))
    if (found === undefined) return undefined
    return { sizeBytes: found.bytes.length, modifiedMs: found.modifiedMs }
  }

  async delete(name: string): Promise<void> {
    this.fail?.('delete', name)
    this.objects.delete(checkObjectName(name))
  }

  close(): void {}

  #bytes(operation: string, name: string): Uint8Array {
    this.fail?.(operation, name)
    const found = this.objects.get(checkObjectName(name))
    if (found === undefined) throw objectNotFound(this.description, name)
    return found.bytes
  }
}
