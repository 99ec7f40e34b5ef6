// A bucket: get, get range, put, list, delete; on a file system or in an S3 store.
export * from './bucket.ts'
export * from './bucket-config.ts'
export * from './filesystem-bucket.ts'
export * from './metered-bucket.ts'
export * from './prefixed-bucket.ts'
