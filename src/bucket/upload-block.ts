// Uploading one block: chunks, then index, then meta.json with Thanos' section, so that a block in the bucket is whole
// exactly when it has a meta.json.
// The files are hard-linked first: a block that is merged or deleted meanwhile stays readable until it is uploaded.

import { createReadStream } from 'node:fs'
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bucket } from '../objstore/index.ts'
import { type BlockFile, type BlockMeta, formatBlockMeta, metaFileName } from '../tsdb/index.ts'

/** What to upload and where. */
export interface UploadRequest {
  readonly bucket: Bucket
  /** The block's directory. */
  readonly directory: string
  /** Where the links are made; on the same file system, emptied before and after. */
  readonly staging: string
  readonly meta: BlockMeta
  readonly labels: Readonly<Record<string, string>>
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

/** Uploads a block, over what an earlier attempt may have left; returns the meta as it stands in the bucket. */
export async function uploadBlock(request: UploadRequest): Promise<BlockMeta> {
  const { bucket, staging, meta, signal } = request
  try {
    const files = await linkFiles(request.directory, staging)
    for (const file of files) {
      const path = join(staging, file.relPath)
      const open = (): AsyncIterable<Uint8Array> => createReadStream(path, streamOptions)
      await bucket.put(`${meta.ulid}/${file.relPath}`, { sizeBytes: file.sizeBytes, open }, signal)
    }
    const shown = shippedMeta(request, files)
    const text = Buffer.from(formatBlockMeta(shown))
    await bucket.put(`${meta.ulid}/${metaFileName}`, text, signal)
    return shown
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

const streamOptions = { highWaterMark: 1 << 18 }

interface LinkedFile {
  readonly relPath: string
  readonly sizeBytes: number
}

// Chunks first, the index after them.
async function linkFiles(directory: string, staging: string): Promise<LinkedFile[]> {
  await rm(staging, { recursive: true, force: true })
  await mkdir(join(staging, 'chunks'), { recursive: true })
  const segments = (await readdir(join(directory, 'chunks'))).filter((name) => /^\d+$/.test(name))
  const files: LinkedFile[] = []
  for (const relPath of [...segments.sort().map((name) => `chunks/${name}`), 'index']) {
    await link(join(directory, relPath), join(staging, relPath))
    files.push({ relPath, sizeBytes: (await stat(join(staging, relPath))).size })
  }
  return files
}

function shippedMeta(request: UploadRequest, files: readonly LinkedFile[]): BlockMeta {
  const { meta, labels, nowMs } = request
  const listed: BlockFile[] = [...files, { relPath: metaFileName }]
  return {
    ...meta,
    thanos: {
      labels,
      downsampleResolutionMs: 0,
      source: 'receive',
      segmentFiles: [],
      files: listed.sort((a, b) => (a.relPath < b.relPath ? -1 : 1)),
      indexStats: meta.thanos?.indexStats ?? { seriesSizeBytesMax: 0, chunkSizeBytesMax: 0 },
      uploadTimeMs: nowMs(),
    },
  }
}
