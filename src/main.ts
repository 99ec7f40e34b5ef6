// The binary's entry: everything else is in roles.

import { runCli } from './roles/cli.ts'

await runCli(process.argv)
