// Durable files: what makes a created or renamed file survive a power cut.

import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Syncs a file's contents, or a directory's entries so that files created, renamed or removed in it stay so. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
