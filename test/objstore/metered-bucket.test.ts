import { beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/model/index.ts'
import { type Bucket, meteredBucket, readObject } from '../../src/objstore/index.ts'
import { Metrics } from '../../src/telemetry/index.ts'
import { MemoryBucket } from './memory-bucket.ts'

describe('the metrics of a bucket', () => {
  let inner: MemoryBucket
  let metrics: Metrics
  let bucket: Bucket
  beforeEach(() => {
    inner = new MemoryBucket()
    metrics = new Metrics()
    bucket = meteredBucket(inner, 'box', metrics, () => 5000)
  })

  const exposed = async (name: string): Promise<string[]> =>
    (await metrics.expose()).split('\n').filter((line) => line.startsWith(name))

  it("count operations and bytes under Thanos' names", async () => {
    await bucket.put('a', Buffer.from('12345'))
    await readObject(bucket, 'a')
    await bucket.getRange('a', 1, 2)
    for await (const _ of bucket.list('', 'flat'));
    await bucket.delete('a')
    expect(await exposed('thanos_objstore_bucket_operations_total')).toEqual([
      'thanos_objstore_bucket_operations_total{bucket="box",operation="upload"} 1',
      'thanos_objstore_bucket_operations_total{bucket="box",operation="get"} 1',
      'thanos_objstore_bucket_operations_total{bucket="box",operation="get_range"} 1',
      'thanos_objstore_bucket_operations_total{bucket="box",operation="iter"} 1',
      'thanos_objstore_bucket_operations_total{bucket="box",operation="delete"} 1',
    ])
    expect(await exposed('thanos_objstore_bucket_operation_transferred_bytes_total')).toEqual([
      'thanos_objstore_bucket_operation_transferred_bytes_total{bucket="box",operation="upload"} 5',
      'thanos_objstore_bucket_operation_transferred_bytes_total{bucket="box",operation="get"} 5',
      'thanos_objstore_bucket_operation_transferred_bytes_total{bucket="box",operation="get_range"} 2',
    ])
    expect(await exposed('thanos_objstore_bucket_last_successful_upload_time')).toEqual([
      'thanos_objstore_bucket_last_successful_upload_time{bucket="box"} 5',
    ])
  })

  it('count failures of the store, but not missing objects', async () => {
    await expect(bucket.get('missing')).rejects.toMatchObject({ code: 'not_found' })
    inner.fail = () => {
      throw new UserError('unavailable', { what: 'the store is away' })
    }
    await expect(bucket.put('a', Buffer.from('x'))).rejects.toThrow(/away/)
    await expect(bucket.list('', 'flat')[Symbol.asyncIterator]().next()).rejects.toThrow(/away/)
    expect(await exposed('thanos_objstore_bucket_operation_failures_total')).toEqual([
      'thanos_objstore_bucket_operation_failures_total{bucket="box",operation="upload"} 1',
      'thanos_objstore_bucket_operation_failures_total{bucket="box",operation="iter"} 1',
    ])
    expect(await exposed('thanos_objstore_bucket_last_successful_upload_time')).toEqual([])
  })
})
