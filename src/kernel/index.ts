// The loops that run once per byte or per sample, in AssemblyScript, each with a TypeScript twin.
export * from './instance.ts'
export * from './pair-hash.ts'
