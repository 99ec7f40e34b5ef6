// Bucket configuration: a Thanos objstore YAML becomes a bucket. Only the first YAML document is read; $(NAME) is
// replaced by the environment variable.
// Invariant: no key is ignored: each is honoured, or refused at start with a reason; all faults are told together.

import { parseAllDocuments } from 'yaml'
import { UserError } from '../model/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { Bucket } from './bucket.ts'
import { ConfigReader } from './config-reader.ts'
import { FilesystemBucket } from './filesystem-bucket.ts'
import { meteredBucket } from './metered-bucket.ts'
import { prefixedBucket } from './prefixed-bucket.ts'
import { readS3Options, type S3Options } from './s3-options.ts'

/** What a configuration asks for, checked. */
export interface BucketConfig {
  readonly prefix: string
  readonly store:
    | { readonly type: 'FILESYSTEM'; readonly directory: string }
    | { readonly type: 'S3'; readonly options: S3Options }
}

type Environment = Readonly<Record<string, string | undefined>>

const otherTypes = ['GCS', 'AZURE', 'SWIFT', 'COS', 'ALIYUNOSS', 'BOS', 'OCI', 'OBS']

/** Reads a configuration; throws UserError bad_config naming every fault. Reads the key files that it names. */
export function parseBucketConfig(text: string, environment: Environment): BucketConfig {
  const faults: string[] = []
  const document = parseAllDocuments(withVariables(text, environment, faults))
  const first = Array.isArray(document) ? document[0] : undefined
  for (const error of first?.errors ?? []) faults.push(error.message)
  const top = new ConfigReader(faults.length > 0 ? undefined : first?.toJS(), '', faults)
  if (faults.length > 0) throw badConfig(faults)
  const store = readStore(top, faults)
  const prefix = top.string('prefix')
  top.end()
  if (faults.length > 0 || store === undefined) throw badConfig(faults)
  return { prefix, store }
}

/** What opening a bucket needs of its surroundings. */
export interface BucketSurroundings {
  /** HTTPS_PROXY, HTTP_PROXY, NO_PROXY and the variables that the file names. */
  readonly environment: Environment
  readonly log: Logger
  readonly metrics: Metrics
  readonly nowMs: () => number
}

/**
 * Opens the bucket of a Thanos objstore YAML, with metrics. Throws UserError bad_config; does not contact the store.
 * The S3 client is loaded only where it is needed.
 */
export async function bucketFromConfig(
  text: string,
  surroundings: BucketSurroundings,
): Promise<Bucket> {
  const { environment, log, metrics, nowMs } = surroundings
  const { store, prefix } = parseBucketConfig(text, environment)
  const [name, bucket] = await openStore(store, environment, log)
  return meteredBucket(prefixedBucket(bucket, prefix), name, metrics, nowMs)
}

async function openStore(
  store: BucketConfig['store'],
  environment: Environment,
  log: Logger,
): Promise<[string, Bucket]> {
  if (store.type === 'FILESYSTEM') return [store.directory, new FilesystemBucket(store.directory)]
  const { S3Bucket } = await import('./s3-bucket.ts')
  return [store.options.bucket, new S3Bucket(store.options, environment, log)]
}

function readStore(top: ConfigReader, faults: string[]): BucketConfig['store'] | undefined {
  const type = top.required('type').toUpperCase()
  const config = top.mapping('config')
  if (type === 'S3') return { type, options: readS3Options(config) }
  if (type === 'FILESYSTEM') {
    const directory = config.required('directory')
    config.end()
    return { type, directory }
  }
  if (otherTypes.includes(type))
    faults.push(
      `type ${type} is not supported: use S3 (many stores speak it, ${type} often through a gateway) or FILESYSTEM`,
    )
  else if (type !== '')
    faults.push(`type ${JSON.stringify(type)} is not known: use S3 or FILESYSTEM`)
  return undefined
}

function withVariables(text: string, environment: Environment, faults: string[]): string {
  return text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (_whole, name: string) => {
    const value = environment[name]
    if (value === undefined) faults.push(`the environment variable ${name} is not set`)
    return value ?? ''
  })
}

function badConfig(faults: readonly string[]): UserError {
  return new UserError('bad_config', {
    what: `the bucket configuration is wrong: ${faults.join('; ')}`,
    fix: 'correct the objstore YAML',
  })
}
