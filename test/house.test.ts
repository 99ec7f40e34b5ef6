// The house keeps itself: rooms, arrows, doors, sizes and documented exports, read from ARCHITECTURE.md.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const source = join(root, 'src')

interface SourceFile {
  readonly path: string
  readonly room: string
  readonly text: string
  readonly lines: readonly string[]
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return path === join(source, 'kernel/as') ? [] : filesBelow(path)
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

const files: readonly SourceFile[] = filesBelow(source).map((absolute) => {
  const path = relative(source, absolute)
  const text = readFileSync(absolute, 'utf8')
  return {
    path,
    room: path.includes('/') ? path.split('/')[0]! : '',
    text,
    lines: text.split('\n'),
  }
})

const arrows = new Map<string, ReadonlySet<string>>()
for (const line of readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('\n')) {
  const row = /^\| ([a-z]+) \| [^|]+ \| ([a-z –]+) \|$/.exec(line)
  if (row !== null && row[1] !== 'room')
    arrows.set(row[1]!, new Set(row[2]!.match(/[a-z]+/g) ?? []))
}

interface Import {
  readonly from: SourceFile
  readonly target: string
}

// Static imports and re-exports, type imports included.
const imports: readonly Import[] = files.flatMap((file) =>
  [...file.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => ({
    from: file,
    target: relative(source, resolve(source, dirname(file.path), match[1]!)),
  })),
)

const drawers = /^(utils?|helpers?|common|misc|lib|shared|stuff|base|core)(\.ts)?$/

const arrow = ({ from, target }: Import): string => `${from.path} -> ${target}`

describe('the house', () => {
  it('has a table of rooms in ARCHITECTURE.md, and every folder of src is one of them', () => {
    expect(arrows.size).toBeGreaterThan(10)
    const rooms = new Set(files.map((file) => file.room).filter((room) => room !== ''))
    for (const room of rooms) expect([...arrows.keys()], `room ${room}`).toContain(room)
    for (const room of arrows.keys()) expect([...rooms], `the table's room ${room}`).toContain(room)
  })

  it('holds only main.ts beside its rooms', () => {
    const beside = readdirSync(source).filter((name) => statSync(join(source, name)).isFile())
    expect(beside).toEqual(['main.ts'])
  })

  it('imports only along the arrows', () => {
    const wrong = imports.filter(({ from, target }) => {
      const room = target.split('/')[0]!
      if (target.startsWith('..') || room === from.room || from.room === '') return false
      return arrows.get(from.room)?.has(room) !== true
    })
    expect(wrong.map(arrow)).toEqual([])
  })

  it('enters other rooms by their door', () => {
    const wrong = imports.filter(({ from, target }) => {
      const room = target.split('/')[0]!
      if (target.startsWith('..') || room === from.room) return false
      return target !== `${room}/index.ts` && from.path !== 'main.ts'
    })
    expect(wrong.map(arrow)).toEqual([])
  })

  it('reaches outside src only for what scripts/build.ts made', () => {
    const outside = imports.filter(({ target }) => target.startsWith('..'))
    expect(outside.filter(({ target }) => !target.startsWith('../build/')).map(arrow)).toEqual([])
  })

  it('has a door in every room, with named exports only', () => {
    const paths = files.map((file) => file.path)
    for (const room of arrows.keys()) {
      if (room !== 'roles') expect(paths).toContain(`${room}/index.ts`)
    }
    expect(files.filter((file) => /^export default/m.test(file.text)).map((f) => f.path)).toEqual(
      [],
    )
  })

  it('has no drawers and names files in kebab-case', () => {
    const names = files.flatMap((file) => file.path.split('/'))
    expect(names.filter((name) => drawers.test(name))).toEqual([])
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.tsx?)?$/.test(name))).toEqual([])
  })

  it('keeps files at most 600 lines long and roles at most 150', () => {
    const long = files.filter((file) => file.lines.length > (file.room === 'roles' ? 151 : 601))
    expect(long.map((file) => `${file.path}: ${file.lines.length}`)).toEqual([])
  })

  it('says at the top of every file what lives there', () => {
    expect(files.filter((file) => !file.text.startsWith('//')).map((f) => f.path)).toEqual([])
  })

  it('documents every export', () => {
    const statement =
      /^export (declare )?(async )?(abstract )?(function|class|interface|const|type|let)\b/
    const undocumented = files.flatMap((file) =>
      file.lines.flatMap((line, index) => {
        if (!statement.test(line) || line.startsWith('export type {')) return []
        return /\*\/\s*$/.test(file.lines[index - 1] ?? '') ? [] : [`${file.path}:${index + 1}`]
      }),
    )
    expect(undocumented).toEqual([])
  })

  it('leaves no unfinished work behind', () => {
    const marks = ['TO', 'FIX'].map((head) => `${head}${head === 'TO' ? 'DO' : 'ME'}`)
    const pattern = new RegExp(`\\b(${marks.join('|')})\\b`)
    expect(files.filter((file) => pattern.test(file.text)).map((f) => f.path)).toEqual([])
  })
})
