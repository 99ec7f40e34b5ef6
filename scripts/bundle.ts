// The release bundle: dist/crowsnest with one entry per thread, the kernels and package.json beside them.
// It runs on Node 26 without node_modules: `node dist/crowsnest/main.js all`.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
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

// What all threads would evaluate at their start and few ever use: the exports of these modules are evaluated when a
// property of one is first asked for. Three threads weigh 7 MB less.
const lateModules = [
  { name: 're2js', exports: ['RE2JS'] },
  { name: 'protobufjs/minimal.js', exports: ['default'] },
  { name: join(root, 'build/proto/messages.js'), exports: ['io', 'otlp', 'prometheus', 'thanos'] },
]
const latePrefix = '\0late:'

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
      const path = createRequire(import.meta.url).resolve(module.name)
      const lines = module.exports.map((name) =>
        name === 'default'
          ? 'export default late((all) => all)'
          : `export const ${name} = late((all) => all.${name})`,
      )
      return [
        'let all',
        'const late = (of) => new Proxy({}, {',
        `  get: (_, key) => of((all ??= require(${JSON.stringify(path)})))[key],`,
        '})',
        ...lines,
      ].join('\n')
    },
  }
}

rmSync(out, { recursive: true, force: true })
await build({
  root,
  configFile: false,
  logLevel: 'warn',
  plugins: [late()],
  ssr: { noExternal: true, target: 'node' },
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
        format: 'es',
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        minify: {
          compress: false,
          mangle: false,
          codegen: { removeWhitespace: true, asciiOnly: true },
        },
      },
    },
  },
})
mkdirSync(join(out, 'wasm'), { recursive: true })
cpSync(join(root, 'build/wasm'), join(out, 'wasm'), { recursive: true })
cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
const { name, version, license, engines } = manifest
writeFileSync(
  join(out, 'package.json'),
  `${JSON.stringify({ name, version, license, type: 'module', engines }, null, 2)}\n`,
)
