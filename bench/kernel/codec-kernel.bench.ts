// Snappy, checksums and XOR chunks: kernel and twin, per byte and per sample.
// Run: node bench/kernel/codec-kernel.bench.ts

import { XorEncoder } from '../../src/chunk/index.ts'
import {
  CodecKernel,
  crc32c,
  decodeXorChunks,
  snappyDeflate,
  snappyInflate,
} from '../../src/kernel/index.ts'
import { measure } from '../measure.ts'

const kernel = CodecKernel.create()

// A body of 2000 series with ten labels, as a sender writes it: long common prefixes, changing pod and value.
function bodyBytes(): Uint8Array {
  const parts: string[] = []
  for (let i = 0; i < 2000; i++) {
    const pod = (i * 2_654_435_761) % 4_294_967_296
    parts.push(
      `__name__http_requests_total cluster eu-west-1 namespace shop container web code 200 method GET ` +
        `job kubernetes-pods instance 10.0.${i % 250}.${(i * 7) % 250}:8080 pod web-${pod.toString(36)} value ${pod}`,
    )
  }
  return new Uint8Array(Buffer.from(parts.join('\n')))
}

const chunkCount = 200
const samplesPerChunk = 120

function chunksOf(valueAt: (i: number) => number): Uint8Array {
  const words = new Uint32Array(2)
  const value = new Float64Array(words.buffer)
  const encoder = new XorEncoder()
  for (let i = 0; i < samplesPerChunk; i++) {
    value[0] = valueAt(i)
    encoder.append(1_700_000_000_000 + i * 15_000 + ((i * 7919) % 11), words[0]!, words[1]!)
  }
  return encoder.finish()
}

function batchOf(chunk: Uint8Array) {
  return {
    bytes: new Uint8Array(Buffer.concat(Array.from({ length: chunkCount }, () => chunk))),
    offsets: Uint32Array.from({ length: chunkCount }, (_, i) => i * chunk.length),
    sizes: new Uint32Array(chunkCount).fill(chunk.length),
    from: 0,
    to: chunkCount,
  }
}

const body = bodyBytes()
const block = kernel.deflate(body)
const counter = batchOf(chunksOf((i) => 1000 + i * 3 + (i % 5)))
const gauge = batchOf(chunksOf((i) => Math.sin(i) * 100))
const sampleCount = chunkCount * samplesPerChunk
const target = {
  timestampsMs: new Float64Array(sampleCount),
  words: new Uint32Array(2 * sampleCount),
  at: 0,
}
const kilobytes = body.length / 1000

function perKilobyte(name: string, budget: number, work: () => unknown) {
  const run = (): number => {
    work()
    return kilobytes
  }
  return { name, unit: 'ns/kB', budget, run }
}

console.log(`body ${body.length} bytes, deflated ${block.length}`)
measure([
  perKilobyte('inflate, kernel', 2000, () => kernel.inflate(block, 1e7)),
  perKilobyte('inflate, twin', 20_000, () => snappyInflate(block, 1e7)),
  perKilobyte('deflate, kernel', 3000, () => kernel.deflate(body)),
  perKilobyte('deflate, twin', 12_000, () => snappyDeflate(body)),
  perKilobyte('crc32c, kernel', 2000, () => kernel.crc32c(body)),
  perKilobyte('crc32c, twin', 4000, () => crc32c(body, 0, body.length)),
  {
    name: 'XOR counter, kernel',
    unit: 'ns/sample',
    budget: 30,
    run: () => kernel.decodeXor(counter, target),
  },
  {
    name: 'XOR counter, twin',
    unit: 'ns/sample',
    budget: 150,
    run: () => decodeXorChunks(counter, target),
  },
  {
    name: 'XOR gauge, kernel',
    unit: 'ns/sample',
    budget: 30,
    run: () => kernel.decodeXor(gauge, target),
  },
  {
    name: 'XOR gauge, twin',
    unit: 'ns/sample',
    budget: 150,
    run: () => decodeXorChunks(gauge, target),
  },
])
