// A bucket on another machine: what it has acknowledged it keeps, and a request that meets our power cut may have been
// carried out or not. Its objects lie in recording files of their own, so that blocks in it can be opened in place.
import { dirname, join } from 'node:path'
import {
  type Bucket,
  bodyStream,
  type ListDepth,
  type ListEntry,
  type ObjectBody,
  objectNotFound,
} from '../../src/objstore/index.ts'
import { readWhole } from '../../src/tsdb/index.ts'
import { PowerCut, RecordingFiles } from './recording-files.ts'

/** See the head of this file. */
export class RemoteBucket implements Bucket {
  readonly description = 'REMOTE'
  readonly objects: RecordingFiles
  /** The disk whose power fails. */
  local: RecordingFiles
  readonly #random: () => number

  constructor(random: () => number, local: RecordingFiles) {
    this.#random = random
    this.objects = new RecordingFiles(random)
    this.local = local
  }

  async get(name: string): Promise<AsyncIterable<Uint8Array>> {
    this.#request()
    return bodyStream(this.#read(name))
  }

  async getRange(name: string, offset: number, sizeBytes: number): Promise<Uint8Array> {
    this.#request()
    return this.#read(name).slice(offset, offset + sizeBytes)
  }

  async put(name: string, body: ObjectBody): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const piece of bodyStream(body)) pieces.push(piece)
    this.#change(() => {
      const path = join('/bucket', name)
      this.objects.remove(path)
      this.objects.makeDirectory(dirname(path))
      this.objects.open(path, 'write').write(pieces, 0)
    })
  }

  async putIfAbsent(name: string, body: Uint8Array): Promise<boolean> {
    if (this.objects.exists(join('/bucket', name))) return false
    await this.put(name, body)
    return true
  }

  async *list(prefix: string, depth: ListDepth): AsyncGenerator<ListEntry> {
    this.#request()
    const under = (directory: string): string[] =>
      this.objects.list(join('/bucket', directory)).flatMap((name) => {
        const path = `${directory}${name}`
        return this.#isObject(path) ? [path] : under(`${path}/`)
      })
    const seen = new Set<string>()
    for (const name of under('')) {
      if (!name.startsWith(prefix)) continue
      const slash = depth === 'flat' ? name.indexOf('/', prefix.length) : -1
      if (slash < 0) {
        yield { kind: 'object', name, sizeBytes: this.#read(name).length, modifiedMs: 0 }
      } else if (!seen.has(name.slice(0, slash + 1))) {
        seen.add(name.slice(0, slash + 1))
        yield { kind: 'prefix', name: name.slice(0, slash + 1) }
      }
    }
  }

  async attributes(name: string) {
    this.#request()
    if (!this.#isObject(name)) return undefined
    return { sizeBytes: this.#read(name).length, modifiedMs: 0 }
  }

  async delete(name: string): Promise<void> {
    this.#change(() => this.objects.remove(join('/bucket', name)))
  }

  close(): void {}

  #isObject(name: string): boolean {
    const path = join('/bucket', name)
    return this.objects.exists(path) && this.objects.list(path).length === 0
  }

  #read(name: string): Uint8Array {
    if (!this.#isObject(name)) throw objectNotFound(this.description, name)
    return readWhole(this.objects, join('/bucket', name))
  }

  #request(): void {
    if (this.local.isDown || --this.local.operationsLeft < 0) throw new PowerCut('power cut')
  }

  #change(change: () => void): void {
    if (this.local.isDown) throw new PowerCut('power cut')
    const isCut = --this.local.operationsLeft < 0
    if (!isCut || this.#random() < 0.5) change()
    if (isCut) throw new PowerCut('power cut')
  }
}
