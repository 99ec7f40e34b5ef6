// Templates of replacements: `$1`, `${1}`, `$name`, `${name}`, and `$$` for a dollar.
// A name is the longest run of letters, digits and underscores: `$1x` is the group named 1x.
// Source: Go's regexp.Expand: an unknown group is empty, a dollar without a name stands for itself.

/** The groups of one match. */
export interface MatchGroups {
  readonly count: number
  /** Group numbers by name. */
  readonly names: Readonly<Record<string, number>>
  /** The text of a group by number, '' where it took no part. */
  group(index: number): string
}

const reference = /\$(?:(\$)|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu

/** Fills the groups of a match into a template. */
export function expandTemplate(template: string, groups: MatchGroups): string {
  if (!template.includes('$')) return template
  return template.replaceAll(reference, (_whole, dollar, bare, braced) =>
    dollar === undefined ? groupText(bare ?? braced, groups) : '$',
  )
}

function groupText(name: string, groups: MatchGroups): string {
  // Numbers have no leading zero and at most eight digits; anything else is a name.
  if (/^(?:0|[1-9][0-9]{0,7})$/.test(name)) {
    const index = Number(name)
    return index <= groups.count ? groups.group(index) : ''
  }
  const index = Object.hasOwn(groups.names, name) ? groups.names[name] : undefined
  return index === undefined ? '' : groups.group(index)
}
