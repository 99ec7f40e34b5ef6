// Reads a plain remote write 1.0 body back, by an implementation that is not ours.
import protobuf from 'protobufjs/minimal.js'

/** One sample; undefined = the stale marker. */
export interface ReadSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | undefined
  readonly timestampMs: number
}

/** All samples of a body, in order. */
export function readMessage(body: Uint8Array): readonly ReadSample[] {
  const reader = protobuf.Reader.create(body)
  const samples: ReadSample[] = []
  while (reader.pos < reader.len) {
    expectTag(reader, 0x0a)
    samples.push(readSeries(reader, reader.uint32() + reader.pos))
  }
  return samples
}

function readSeries(reader: protobuf.Reader, end: number): ReadSample {
  const labels: Record<string, string> = {}
  let sample: Omit<ReadSample, 'labels'> | undefined
  while (reader.pos < end) {
    const tag = reader.uint32()
    const to = reader.uint32() + reader.pos
    if (tag === 0x0a) {
      expectTag(reader, 0x0a)
      const name = reader.string()
      expectTag(reader, 0x12)
      labels[name] = reader.string()
    } else {
      expectTag(reader, 0x09)
      const low = reader.fixed32()
      const high = reader.fixed32()
      const bits = new DataView(new ArrayBuffer(8))
      bits.setUint32(0, low, true)
      bits.setUint32(4, high, true)
      const isStale = high === 0x7ff00000 && low === 2
      expectTag(reader, 0x10)
      sample = {
        value: isStale ? undefined : bits.getFloat64(0, true),
        timestampMs: Number(reader.int64()),
      }
    }
    if (reader.pos !== to) throw new Error(`a field ends at ${reader.pos}, not at ${to}`)
  }
  return { labels, ...sample! }
}

function expectTag(reader: protobuf.Reader, tag: number): void {
  const found = reader.uint32()
  if (found !== tag) throw new Error(`tag ${found} where ${tag} should be`)
}
