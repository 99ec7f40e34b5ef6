// Prints docs/configuration.md from the configuration's schema: `node scripts/configuration-page.ts > docs/configuration.md`.
import { leavesOf } from '../src/roles/config-schema.ts'

const rows = leavesOf().map(({ path, flag, schema }) => {
  const value = schema.default === undefined ? '' : JSON.stringify(schema.default)
  const kind = schema.kind ?? schema.type ?? ''
  return `| \`${path.join('.')}\` | \`--${flag}\` | ${kind} | \`${value}\` | ${schema.description ?? ''} |`
})

process.stdout.write(`# Configuration

A YAML file (\`--config FILE\`), flags, or both; flags win. \`--config.check\` checks and exits. All faults are reported at once. Durations
read like \`6h\`, \`30s\`, \`1h30m\`; sizes like \`512MB\` or \`1GiB\` (powers of 1024). \`/-/reload\` (POST) and SIGHUP read the file again: what
concerns limits, relabelling and tenants holds at once, the rest with the next start.

| field | flag | kind | default | |
|---|---|---|---|---|
${rows.join('\n')}

## Tenants' own limits and relabelling

\`\`\`yaml
limits:
  activeSeries: 500000
ingest:
  writeRelabel: # for every tenant without rules of its own
    - source_labels: [__name__]
      regex: go_gc_.*
      action: drop
tenants:
  aliases: { default: default-tenant }
  overrides:
    team-a:
      limits: { activeSeries: 1000000 }
      writeRelabel:
        - action: labeldrop
          regex: pod_template_hash
\`\`\`
`)
