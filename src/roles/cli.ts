// The command line: a role per subcommand; flags come from the configuration's schema.

import { Command, Option } from 'commander'
import { CorruptionError, UserError } from '../model/index.ts'
import { type ConfigSource, type Flags, readConfig } from './config-read.ts'
import { type Config, type Leaf, leavesOf } from './config-schema.ts'
import { version } from './version.ts'

/** Runs the command that `argv` names (as process.argv has it). Sets the exit code; mistakes are told on stderr. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const program = new Command('crowsnest')
    .description(
      'Multi-cluster observability gateway: remote write in, PromQL out, blocks in a bucket.',
    )
    .version(version)
    .showHelpAfterError()
  for (const role of roles) program.addCommand(roleCommand(role))
  // The tools are many and large, and a role needs none of them.
  if (!roles.some(({ name }) => name === argv[2])) (await import('./tools.ts')).addTools(program)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    const mistake = mistakeOf(error)
    if (mistake === undefined) throw error
    process.stderr.write(`crowsnest: ${mistake}\n`)
    // Threads may run already, and would keep the process alive.
    process.exit(1)
  }
}

/** What to tell of an error that is the user's or the surroundings', as a file that is not there; else undefined. */
export function mistakeOf(error: unknown): string | undefined {
  if (error instanceof UserError || error instanceof CorruptionError) return error.message
  if (!(error instanceof Error)) return undefined
  // The system's, with the call that failed; a fetch has it as its cause.
  if ('syscall' in error) return error.message
  const ofCause = error.cause === undefined ? undefined : mistakeOf(error.cause)
  return ofCause === undefined ? undefined : `${error.message}: ${ofCause}`
}

// Roles are imported late: the tools need none of the server.
const roles: readonly Role[] = [
  {
    name: 'all',
    description: 'Everything in one process: receive, keep, query, ship.',
    load: async () => (await import('./all.ts')).startAll,
  },
  {
    name: 'rule',
    description: 'Evaluates rules through query endpoints and remote write; keeps nothing.',
    load: async () => (await import('./rule.ts')).startRuler,
  },
  {
    name: 'demo',
    description: 'All of it with a fleet that is made up: look around.',
    options: [
      ['demo.seed <number>', 'another number, another course of events'],
      ['demo.pace <duration>', 'how often something happens (default 60s)'],
    ],
    flags: async (given) => (await import('./demo.ts')).demoFlags(given),
    load: async () => (await import('./demo.ts')).startDemo,
  },
]

interface Role {
  readonly name: string
  readonly description: string
  /** Options that are no fields of the configuration. */
  readonly options?: readonly (readonly [flag: string, description: string])[]
  /** What the role makes of the flags that were given. */
  flags?(given: Flags): Promise<Flags>
  load(): Promise<(config: Config, source: ConfigSource) => Promise<void>>
}

function roleCommand({ name, description, load, ...role }: Role): Command {
  const command = new Command(name)
    .description(description)
    .option('--config <file>', 'YAML configuration; flags win over it')
    .option('--config.check', 'check the configuration and exit')
  for (const leaf of leavesOf()) command.addOption(optionOf(leaf))
  for (const [flag, text] of role.options ?? []) command.addOption(asWritten(`--${flag}`, text))
  return command.action(async (options: Record<string, unknown>) => {
    const file = options.config as string | undefined
    const flags = (await role.flags?.(options as Flags)) ?? (options as Flags)
    const config = readConfig(file, flags)
    if (options['config.check'] === true) {
      process.stdout.write('the configuration is fine\n')
      return
    }
    const start = await load()
    await start(config, { file, flags })
  })
}

function optionOf(leaf: Leaf): Option {
  const { type, description, default: byDefault } = leaf.schema
  const list = type === 'array' || type === 'object'
  const value = type === 'boolean' ? '[bool]' : type === 'object' ? '<name=value...>' : '<value>'
  const shown =
    byDefault === '' || list || type === 'boolean' ? '' : ` (default ${String(byDefault)})`
  const option = asWritten(`--${leaf.flag} ${value}`, `${description ?? ''}${shown}`)
  if (list) option.argParser((text: string, before: string[] = []) => [...before, text])
  return option
}

// Commander camel-cases flag names; the configuration looks flags up as they are written.
function asWritten(flags: string, description: string): Option {
  const option = new Option(flags, description)
  option.attributeName = () => option.long!.slice(2)
  return option
}
