// Templates of label_replace: `$1`, `${1}`, `$name` and `${name}` stand for groups of the match, `$$` for a dollar.
// An unbraced name is as long as letters, digits and underscores go: `$1x` is the group "1x".
// Source: Go regexp.Expand.

/** A piece of a template: text, or the group that stands there. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'name'; readonly name: string }

const reference = /\$(?:\$|\{([\p{L}\p{N}_]+)\}|([\p{L}\p{N}_]+))/gu

/** The parts of a template. A dollar that begins no reference stays as it is. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let from = 0
  for (const match of template.matchAll(reference)) {
    if (match.index > from) parts.push({ kind: 'text', text: template.slice(from, match.index) })
    from = match.index + match[0].length
    const name = match[1] ?? match[2]
    if (name === undefined) parts.push({ kind: 'text', text: '$' })
    else if (/^(0|[1-9]\d{0,8})$/.test(name)) parts.push({ kind: 'index', index: Number(name) })
    else parts.push({ kind: 'name', name })
  }
  if (from < template.length) parts.push({ kind: 'text', text: template.slice(from) })
  return parts
}

/** The groups of a match. */
export interface MatchGroups {
  /** Text of group `index` (0 = all), '' where it took no part or does not exist. */
  group(index: number): string
  /** Text of a named group, '' where it took no part or does not exist. */
  named(name: string): string
}

/** The template with the groups put in. */
export function expandTemplate(parts: readonly TemplatePart[], groups: MatchGroups): string {
  let out = ''
  for (const part of parts) {
    if (part.kind === 'text') out += part.text
    else out += part.kind === 'index' ? groups.group(part.index) : groups.named(part.name)
  }
  return out
}
