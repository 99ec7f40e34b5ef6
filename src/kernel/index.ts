// The loops that run once per byte or per sample, in AssemblyScript, each with a TypeScript twin.
export * from './bit-reader.ts'
export * from './bit-writer.ts'
export * from './crc32c.ts'
export * from './instance.ts'
export * from './pair-hash.ts'
export * from './xor-columns.ts'
export * from './xor-value.ts'
