// Uploading one block: chunks, then index, then meta.json with Thanos' section, so that a block in the bucket is whole
// exactly when it has a meta.json.
// All files are opened before the first is sent: a block that is merged or deleted meanwhile stays readable until it is
// uploaded. Sizes in bytes.

import { join } from 'node:path'
import type { Bucket } from '../objstore/index.ts'
import {
  type BlockFile,
  type BlockMeta,
  type Files,
  formatBlockMeta,
  metaFileName,
  type OpenFile,
} from '../tsdb/index.ts'

/** What to upload and where. */
export interface UploadRequest {
  readonly bucket: Bucket
  readonly files: Files
  /** The block's directory. */
  readonly directory: string
  readonly meta: BlockMeta
  readonly labels: Readonly<Record<string, string>>
  /** Who made the block, as Thanos names it: 'receive' or 'bucket.rewrite'. */
  readonly source: string
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

/** The most of a file that is in memory at a time. */
const pieceSizeBytes = 1 << 18

/** Uploads a block, over what an earlier attempt may have left; returns the meta as it stands in the bucket. */
export async function uploadBlock(request: UploadRequest): Promise<BlockMeta> {
  const { bucket, meta, signal } = request
  const opened = openFiles(request.files, request.directory)
  try {
    for (const { relPath, sizeBytes, file } of opened) {
      const body = { sizeBytes, open: () => piecesOf(file, sizeBytes) }
      await bucket.put(`${meta.ulid}/${relPath}`, body, signal)
    }
    const shown = shippedMeta(request, opened)
    const text = Buffer.from(formatBlockMeta(shown))
    await bucket.put(`${meta.ulid}/${metaFileName}`, text, signal)
    return shown
  } finally {
    for (const { file } of opened) file.close()
  }
}

interface OpenedFile {
  readonly relPath: string
  readonly sizeBytes: number
  readonly file: OpenFile
}

// Chunks first, the index after them.
function openFiles(files: Files, directory: string): OpenedFile[] {
  const segments = files.list(join(directory, 'chunks')).filter((name) => /^\d+$/.test(name))
  const opened: OpenedFile[] = []
  try {
    for (const relPath of [...segments.map((name) => `chunks/${name}`), 'index']) {
      const file = files.open(join(directory, relPath), 'read')
      opened.push({ relPath, sizeBytes: file.sizeBytes(), file })
    }
  } catch (error) {
    for (const { file } of opened) file.close()
    throw error
  }
  return opened
}

async function* piecesOf(file: OpenFile, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < sizeBytes; offset += pieceSizeBytes) {
    const piece = new Uint8Array(Math.min(pieceSizeBytes, sizeBytes - offset))
    yield piece.subarray(0, file.read(piece, offset))
  }
}

function shippedMeta(request: UploadRequest, opened: readonly OpenedFile[]): BlockMeta {
  const { meta, labels, source, nowMs } = request
  const listed: BlockFile[] = [
    ...opened.map(({ relPath, sizeBytes }) => ({ relPath, sizeBytes })),
    { relPath: metaFileName },
  ]
  const { rewrites, extensions } = meta.thanos ?? {}
  return {
    ...meta,
    thanos: {
      labels,
      downsampleResolutionMs: 0,
      source,
      segmentFiles: [],
      files: listed.sort((a, b) => (a.relPath < b.relPath ? -1 : 1)),
      ...(rewrites === undefined ? {} : { rewrites }),
      indexStats: meta.thanos?.indexStats ?? { seriesSizeBytesMax: 0, chunkSizeBytesMax: 0 },
      ...(extensions === undefined ? {} : { extensions }),
      uploadTimeMs: nowMs(),
    },
  }
}
