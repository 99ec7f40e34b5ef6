// Loading a WebAssembly kernel: one module per file of kernel/as, compiled once per thread, instantiated over a
// memory that the caller owns. `npm ci` (prepare) builds the modules; a missing one says so.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The modules of kernel/as. */
export type KernelName = string

const pageSizeBytes = 65_536
const compiled = new Map<KernelName, WebAssembly.Module>()

/** A shared linear memory: `initialBytes` now, at most `maximumBytes` ever (rounded up to 64 KiB pages). */
export function createMemory(initialBytes: number, maximumBytes: number): WebAssembly.Memory {
  const initial = Math.max(4, Math.ceil(initialBytes / pageSizeBytes))
  const maximum = Math.max(initial, Math.ceil(maximumBytes / pageSizeBytes))
  return new WebAssembly.Memory({ initial, maximum, shared: true })
}

/** Instantiates kernel `name` over `memory`. Throws when the module was not built or an AssemblyScript assert fails. */
export function instantiateKernel<Exports>(name: KernelName, memory: WebAssembly.Memory): Exports {
  const instance = new WebAssembly.Instance(moduleOf(name), {
    env: {
      memory,
      abort: (_message: number, _file: number, line: number, column: number) => {
        throw new Error(`kernel ${name} aborted at ${line}:${column}`)
      },
    },
  })
  return instance.exports as Exports
}

function moduleOf(name: KernelName): WebAssembly.Module {
  const known = compiled.get(name)
  if (known !== undefined) return known
  const module = new WebAssembly.Module(readFileSync(pathOf(name)))
  compiled.set(name, module)
  return module
}

// Beside the bundle in a release, in build/wasm in a source tree.
function pathOf(name: KernelName): string {
  const candidates = [`./wasm/${name}.wasm`, `../../build/wasm/${name}.wasm`]
  for (const candidate of candidates) {
    const path = fileURLToPath(new URL(candidate, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new Error(`kernel ${name}.wasm is not built: run \`npm run prepare\``)
}
