// Chunk encodings: the byte before a chunk's data in a segment file.
// Source: Prometheus tsdb/chunkenc; 4 to 6 carry start timestamps.

/** Encoding bytes by name. */
export const chunkEncoding = {
  xor: 1,
  histogram: 2,
  floatHistogram: 3,
  xor2: 4,
  histogramSt: 5,
  floatHistogramSt: 6,
} as const

/** Whether chunks of this encoding hold histograms. */
export function isHistogramEncoding(encoding: number): boolean {
  return (
    encoding === chunkEncoding.histogram ||
    encoding === chunkEncoding.floatHistogram ||
    encoding === chunkEncoding.histogramSt ||
    encoding === chunkEncoding.floatHistogramSt
  )
}
