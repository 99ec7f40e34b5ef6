// Blocks in object storage: shipping local ones, finding, reading.
export * from './bucket-block-reader.ts'
export * from './bucket-blocks.ts'
export * from './bucket-queryable.ts'
export * from './choose-blocks.ts'
export * from './page-reader.ts'
export * from './ship-plan.ts'
export * from './shipped-record.ts'
export * from './shipper.ts'
