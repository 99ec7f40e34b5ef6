import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dataVersion, openDataDirectory } from '../../src/tsdb/index.ts'

const run = promisify(execFile)

describe('the data directory', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'data-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const inProcess = (path: string, code: string): Promise<{ stdout: string }> =>
    run(process.execPath, [
      '--input-type=module',
      '-e',
      `import { openDataDirectory } from '${resolve('src/tsdb/index.ts')}'
       const path = ${JSON.stringify(path)}
       ${code}`,
    ])

  it('is created with its layout and version', async () => {
    const path = join(folder, 'a', 'b')
    const data = await openDataDirectory(path)
    expect(readFileSync(join(path, 'format.json'), 'utf8')).toBe('{"version":1}\n')
    expect(data.laneDirectory(3)).toBe(join(path, 'wal/lane-3'))
    expect(data.lanesOnDisk()).toEqual([])
    mkdirSync(data.laneDirectory(10))
    mkdirSync(data.laneDirectory(2))
    expect(data.lanesOnDisk()).toEqual([2, 10])
    expect(existsSync(data.blocksDirectory)).toBe(true)
    await data.close()
    expect(existsSync(join(path, 'lock'))).toBe(false)
  })

  it('is used by one process at a time, and the other one is named', async () => {
    const data = await openDataDirectory(folder)
    const { stdout } = await inProcess(
      folder,
      'await openDataDirectory(path).catch((error) => console.log(error.code, error.message))',
    )
    expect(stdout).toContain(`data_in_use the data directory is in use by process ${process.pid}`)
    await data.close()
    const again = await openDataDirectory(folder)
    await again.close()
  })

  it('is taken over from a process that was killed', async () => {
    await inProcess(folder, `await openDataDirectory(path); process.kill(process.pid, 'SIGKILL')`)
      .then(() => expect.unreachable())
      .catch((error) => expect(error.signal).toBe('SIGKILL'))
    expect(existsSync(join(folder, 'lock'))).toBe(true)
    const data = await openDataDirectory(folder)
    await expect(openDataDirectory(folder)).rejects.toMatchObject({ code: 'data_in_use' })
    await data.close()
  })

  it('goes to exactly one of several that ask at once, left over or not', async () => {
    for (let round = 0; round < 10; round++) {
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, () => openDataDirectory(folder)),
      )
      const open = results.filter((result) => result.status === 'fulfilled')
      expect(open).toHaveLength(1)
      await open[0]!.value.close()
    }
  })

  it('may lie deeper than a socket path can say', async () => {
    const path = join(folder, 'x'.repeat(100), 'y'.repeat(100))
    const data = await openDataDirectory(path)
    await expect(openDataDirectory(path)).rejects.toMatchObject({ code: 'data_in_use' })
    await data.close()
  })

  it('is refused when a newer program wrote it', async () => {
    writeFileSync(join(folder, 'format.json'), `{"version":${dataVersion + 1}}`)
    await expect(openDataDirectory(folder)).rejects.toMatchObject({ code: 'data_too_new' })
    expect(existsSync(join(folder, 'lock'))).toBe(false)
  })

  it('is migrated step by step when an older program wrote it, and refused where no way leads here', async () => {
    writeFileSync(join(folder, 'format.json'), '{"version":-1}')
    await expect(openDataDirectory(folder)).rejects.toMatchObject({ code: 'bad_config' })
    const steps: number[] = []
    const data = await openDataDirectory(
      folder,
      [-1, 0].map((from) => ({ from, run: () => steps.push(from) })),
    )
    expect(steps).toEqual([-1, 0])
    expect(readFileSync(join(folder, 'format.json'), 'utf8')).toBe('{"version":1}\n')
    await data.close()
  })

  it('is refused when it belongs to another program or its version cannot be read', async () => {
    mkdirSync(join(folder, 'chunks_head'))
    await expect(openDataDirectory(folder)).rejects.toMatchObject({ code: 'bad_config' })
    writeFileSync(join(folder, 'format.json'), 'nonsense')
    await expect(openDataDirectory(folder)).rejects.toMatchObject({ name: 'CorruptionError' })
  })

  it('begins every start with empty scratch space', async () => {
    const data = await openDataDirectory(folder)
    writeFileSync(join(data.temporaryDirectory, 'left over'), '')
    await data.close()
    const again = await openDataDirectory(folder)
    expect(existsSync(join(again.temporaryDirectory, 'left over'))).toBe(false)
    await again.close()
  })
})
