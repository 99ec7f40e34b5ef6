import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CorruptionError } from '../../../src/model/index.ts'
import {
  type BlockMeta,
  formatBlockMeta,
  parseBlockMeta,
  readBlockMeta,
  writeBlockMeta,
} from '../../../src/tsdb/index.ts'

const ulid = '01ARYZ6S41TSV4RRFFQ69G5FAV'
const parent = '01ARYZ6S40TSV4RRFFQ69G5FAV'
const text = `{
	"ulid": "${ulid}",
	"minTime": 0,
	"maxTime": 7200000,
	"stats": {
		"numSamples": 3,
		"numFloatSamples": 3,
		"numSeries": 2,
		"numChunks": 2
	},
	"compaction": {
		"level": 2,
		"sources": [
			"${parent}"
		],
		"parents": [
			{
				"ulid": "${parent}",
				"minTime": 0,
				"maxTime": 7200000
			}
		],
		"hints": [
			"from-out-of-order"
		]
	},
	"version": 1,
	"thanos": {
		"version": 1,
		"labels": {
			"region": "a\\u003cb",
			"tenant_id": "t"
		},
		"downsample": {
			"resolution": 0
		},
		"source": "receive",
		"segment_files": [
			"000001"
		],
		"files": [
			{
				"rel_path": "chunks/000001",
				"size_bytes": 58
			},
			{
				"rel_path": "meta.json"
			}
		],
		"index_stats": {
			"series_max_size": 48,
			"chunk_max_size": 40
		},
		"upload_time": "0001-01-01T00:00:00Z"
	}
}
`

test('meta.json is read and written byte for byte as Go prints it', () => {
  expect(formatBlockMeta(parseBlockMeta(text, 'meta.json'))).toBe(text)
})

test('meta.json on disk is replaced whole', () => {
  const directory = mkdtempSync(join(tmpdir(), 'meta-'))
  const meta: BlockMeta = parseBlockMeta(text, 'meta.json')
  writeBlockMeta(directory, meta)
  writeBlockMeta(directory, { ...meta, maxTimeMs: 5 })
  expect(readBlockMeta(directory)).toEqual({ ...meta, maxTimeMs: 5 })
  expect(readFileSync(join(directory, 'meta.json'), 'utf8').endsWith('}\n')).toBe(true)
})

test('stats and compaction may be missing; a missing thanos version counts as 1', () => {
  const meta = parseBlockMeta(
    `{"ulid":"${ulid}","minTime":1,"maxTime":2,"version":1,"thanos":{"labels":{}}}`,
    'm',
  )
  expect(meta.stats.seriesCount).toBe(0)
  expect(meta.compaction.level).toBe(0)
  expect(meta.thanos?.uploadTimeMs).toBeUndefined()
})

test('another version, no ULID, fractional times and broken JSON are corruption', () => {
  const bad = [
    `{"ulid":"${ulid}","minTime":1,"maxTime":2,"version":2}`,
    '{"ulid":"x","minTime":1,"maxTime":2,"version":1}',
    `{"ulid":"${ulid}","minTime":1.5,"maxTime":2,"version":1}`,
    `{"ulid":"${ulid}","minTime":1,"maxTime":2,"version":1,"thanos":{"version":2}}`,
    '{',
  ]
  for (const item of bad) expect(() => parseBlockMeta(item, 'm')).toThrow(CorruptionError)
})

test('upload times are printed as Go prints them, and read back', () => {
  const meta = parseBlockMeta(text, 'meta.json')
  const shown = (uploadTimeMs: number): unknown => {
    const printed = formatBlockMeta({ ...meta, thanos: { ...meta.thanos!, uploadTimeMs } })
    expect(parseBlockMeta(printed, 'meta.json').thanos!.uploadTimeMs).toBe(uploadTimeMs)
    return JSON.parse(printed).thanos.upload_time
  }
  expect(shown(1_700_000_000_000)).toBe('2023-11-14T22:13:20Z')
  expect(shown(1_700_000_000_850)).toBe('2023-11-14T22:13:20.85Z')
  expect(shown(1_700_000_000_007)).toBe('2023-11-14T22:13:20.007Z')
})
