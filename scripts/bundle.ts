// The release bundle: dist/crowsnest with one entry per thread, the kernels and package.json beside them.
// It runs on Node 26 without node_modules: `node dist/crowsnest/main.js all`.
// Half of what an idle gateway weighs is code: its source, and what evaluating it makes. So a thread loads what it
// takes and not the whole of a room, what few threads need is loaded at first need, and sources are short.

import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'vite'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist/crowsnest')

const threads = readdirSync(join(root, 'src/roles')).filter((name) => name.endsWith('-thread.ts'))
const entries = Object.fromEntries([
  ['main', join(root, 'src/main.ts')],
  ...threads.map((name) => [name.replace(/\.ts$/, ''), join(root, 'src/roles', name)]),
])

// Modules of rooms only define things. Said here, it lets a thread load what it takes through a room's door and not the
// whole room: two thirds of what a thread weighs is code.
const rooms = /\/(?:src\/(?!roles|main)|build\/proto\/)/

// What all threads would load at their start and few ever use stands in files of its own, which are loaded when a
// property of one of these exports is first asked for.
const lateFiles = ['protobuf', 're2js'] as const
const lateModules = [
  { name: 're2js', file: 're2js', exports: ['RE2JS'] },
  { name: 'protobufjs/minimal.js', file: 'protobuf', exports: ['default'] },
  {
    name: join(root, 'build/proto/messages.js'),
    file: 'protobuf',
    exports: ['io', 'otlp', 'prometheus', 'thanos'],
  },
] as const
const latePrefix = '\0late:'
const lateEntries: Readonly<Record<string, string>> = {
  protobuf: [
    `export { default } from ${JSON.stringify('protobufjs/minimal.js')}`,
    `export * from ${JSON.stringify(join(root, 'build/proto/messages.js'))}`,
  ].join('\n'),
  re2js: "export { RE2JS } from 're2js'",
}

function late(): Plugin {
  return {
    name: 'late',
    enforce: 'pre',
    resolveId(source, importer) {
      // Only our own code sees the late ones: the modules themselves need each other at once.
      if (!importer?.includes('/src/')) return null
      const path = source.startsWith('.') ? join(dirname(importer), source) : source
      return lateModules.some(({ name }) => name === path) ? latePrefix + path : null
    },
    load(id) {
      const module = lateModules.find(({ name }) => latePrefix + name === id)
      if (module === undefined) return null
      const { file, exports } = module
      return [
        "const { createRequire } = process.getBuiltinModule('node:module')",
        'let all',
        `const load = () => (all ??= createRequire(import.meta.url)('./${file}.cjs'))`,
        'const late = (name) => new Proxy({}, { get: (_, key) => load()[name][key] })',
        ...exports.map((name) =>
          name === 'default'
            ? "export default late('default')"
            : `export const ${name} = late('${name}')`,
        ),
      ].join('\n')
    },
  }
}

// An import of these evaluates all their exports, of which WebSocket is a getter that loads the whole of Node's fetch.
const clients = { 'node:http': http, 'node:https': https }
const clientPrefix = '\0client:'

function withoutFetch(): Plugin {
  return {
    name: 'without-fetch',
    enforce: 'pre',
    resolveId(source, _importer, { kind }) {
      const name = source.startsWith('node:') ? source : `node:${source}`
      return name in clients && kind === 'import-statement' ? clientPrefix + name : null
    },
    load(id) {
      if (!id.startsWith(clientPrefix)) return null
      const name = id.slice(clientPrefix.length) as keyof typeof clients
      const getters = ['WebSocket', 'CloseEvent', 'MessageEvent']
      const names = Object.keys(clients[name]).filter((each) => !getters.includes(each))
      return [
        `const all = process.getBuiltinModule('${name}')`,
        `export const { ${names.join(', ')} } = all`,
        'export default all',
      ].join('\n')
    },
  }
}

// What Fastify needs only where it is asked to: schemas that are compiled (ours are not), requests that tests inject.
const leftOut = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
]
const leftOutPrefix = '\0left-out:'

function withoutLeftOut(): Plugin {
  return {
    name: 'without-left-out',
    enforce: 'pre',
    resolveId: (source) => (leftOut.includes(source) ? leftOutPrefix + source : null),
    load(id) {
      if (!id.startsWith(leftOutPrefix)) return null
      const name = id.slice(leftOutPrefix.length)
      return `module.exports = () => { throw new Error('${name} is not in the bundle') }`
    },
  }
}

// Function and class names stay, for the stacks of errors.
const keepNames = { function: true, class: true }
const output = {
  minify: {
    compress: false,
    mangle: { toplevel: false, keepNames },
    codegen: { removeWhitespace: true, asciiOnly: true },
  },
} as const

const common = {
  root,
  configFile: false,
  logLevel: 'warn',
  ssr: { noExternal: true, target: 'node' },
} as const

rmSync(out, { recursive: true, force: true })
await build({
  ...common,
  plugins: [late(), withoutFetch(), withoutLeftOut()],
  build: {
    ssr: true,
    outDir: out,
    target: 'node26',
    minify: false,
    rollupOptions: {
      input: entries,
      // x509.ts loads a polyfill for its effect.
      treeshake: { moduleSideEffects: (id) => !rooms.test(id) || id.endsWith('/x509.ts') },
      output: {
        ...output,
        format: 'es',
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
      },
    },
  },
})
for (const name of lateFiles) await buildLate(name)
mkdirSync(join(out, 'wasm'), { recursive: true })
cpSync(join(root, 'build/wasm'), join(out, 'wasm'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
const { name, version, license, engines } = manifest
writeFileSync(
  join(out, 'package.json'),
  `${JSON.stringify({ name, version, license, type: 'module', engines }, null, 2)}\n`,
)

/** Builds one late file beside the bundle. */
async function buildLate(file: string): Promise<void> {
  const entry = `\0entry:${file}`
  const source: Plugin = {
    name: 'late-entry',
    resolveId: (id) => (id === entry ? id : null),
    load: (id) => (id === entry ? lateEntries[file] : null),
  }
  await build({
    ...common,
    plugins: [source],
    build: {
      ssr: true,
      outDir: out,
      emptyOutDir: false,
      target: 'node26',
      minify: false,
      rollupOptions: {
        input: { [file]: entry },
        output: { ...output, format: 'cjs', entryFileNames: '[name].cjs', exports: 'named' },
      },
    },
  })
}
