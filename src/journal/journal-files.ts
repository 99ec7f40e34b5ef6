// What a journal needs of a disk, as synchronous calls, so that tests can put a recording disk in its place.
// The disk of `tsdb` is one. Units: sizes and positions in bytes.

/** One open file; see `Files` of tsdb. */
export interface JournalFile {
  sizeBytes(): number
  read(into: Uint8Array, position: number): number
  write(parts: readonly Uint8Array[], position: number): void
  truncate(sizeBytes: number): void
  /** Returns when data and size are on the disk. */
  sync(): void
  close(): void
}

/** A disk. Names are durable once their directory is synced. */
export interface JournalFiles {
  open(path: string, mode: 'read' | 'write'): JournalFile
  /** Names in a directory, sorted; none where it is absent. */
  list(directory: string): string[]
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  remove(path: string): void
  syncDirectory(path: string): void
}

/** The whole content of a file. */
export function readWhole(files: JournalFiles, path: string): Uint8Array {
  const file = files.open(path, 'read')
  try {
    const bytes = new Uint8Array(file.sizeBytes())
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/** Writes a file so that it is there whole or not at all, whenever the power fails. */
export function writeWhole(
  files: JournalFiles,
  directory: string,
  name: string,
  bytes: Uint8Array,
): void {
  const temporary = `${directory}/${name}.tmp`
  files.remove(temporary)
  const file = files.open(temporary, 'write')
  try {
    file.write([bytes], 0)
    file.sync()
  } finally {
    file.close()
  }
  files.rename(temporary, `${directory}/${name}`)
  files.syncDirectory(directory)
}
