// Builds what the source tree needs and git does not hold: WebAssembly kernels and protobuf code.
// A no-op when nothing changed: each output is named in build/manifest.json with the hash of its inputs.
// Runs under plain Node >= 22.18 (type stripping); `npm ci` on an older Node re-runs it on the Node of node_modules.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
const manifestPath = join(root, 'build', 'manifest.json')

/** One thing to build: its input files, what it makes, and the commands that make it. */
interface Target {
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly commands: readonly (readonly [string, readonly string[]])[]
}

const asFlags = '-O3 --runtime stub --noAssert --enable simd --enable bulk-memory --enable threads'
  .split(' ')
  .concat(['--importMemory', '--sharedMemory', '--initialMemory', '4', '--maximumMemory', '65536'])

function kernelTargets(): Target[] {
  const folder = join(root, 'src/kernel/as')
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const shared = sources.filter((name) => name.startsWith('lib-')).map((name) => join(folder, name))
  return sources
    .filter((name) => !name.startsWith('lib-'))
    .map((name) => {
      const output = join(root, 'build/wasm', name.replace(/\.ts$/, '.wasm'))
      const source = join(folder, name)
      return {
        name: `kernel ${name}`,
        inputs: [source, ...shared],
        outputs: [output],
        commands: [[bin('asc'), [source, '-o', output, ...asFlags]]],
      }
    })
}

function protoTarget(): Target[] {
  const folder = join(root, 'proto')
  const inputs = readdirSync(folder)
    .filter((name) => name.endsWith('.proto'))
    .map((name) => join(folder, name))
  if (inputs.length === 0) return []
  const code = join(root, 'build/proto/messages.js')
  const types = join(root, 'build/proto/messages.d.ts')
  const flags =
    '-t static-module -w es6 --es6 --dependency protobufjs/minimal.js --no-create --no-verify --no-delimited --no-typeurl --no-service'.split(
      ' ',
    )
  return [
    {
      name: 'protobuf messages',
      inputs,
      outputs: [code, types],
      commands: [
        [bin('pbjs'), [...flags, '-p', folder, '-o', code, ...inputs]],
        [bin('pbts'), ['-o', types, code]],
      ],
    },
  ]
}

function hashOf(target: Target): string {
  const hash = createHash('sha256').update(JSON.stringify(target.commands))
  for (const input of target.inputs) hash.update(readFileSync(input)).update('\0')
  return hash.digest('hex')
}

function build(): void {
  const manifest: Record<string, string> = existsSync(manifestPath)
    ? JSON.parse(readFileSync(manifestPath, 'utf8'))
    : {}
  for (const target of [...kernelTargets(), ...protoTarget()]) {
    const hash = hashOf(target)
    if (manifest[target.name] === hash && target.outputs.every((output) => existsSync(output)))
      continue
    for (const output of target.outputs) mkdirSync(dirname(output), { recursive: true })
    for (const [command, args] of target.commands)
      execFileSync(command, args, { stdio: 'inherit', cwd: root })
    manifest[target.name] = hash
    writeFileSync(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`)
  }
}

build()
