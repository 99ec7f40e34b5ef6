// An expression written anew from its syntax tree, every operation in parentheses, so that what it does is counted: around
// the body of each macro stands a function that counts, and the names of ours stand for the language's own where that
// would be dangerous.

import type { ASTNode } from '@marcbachmann/cel-js'

/** Names of functions of ours. */
export interface BoundedNames {
  /** Around each body of a macro; answers its argument. */
  readonly counted: string
  /** Before each body of a macro; true, or an error once the bound is reached. */
  readonly allowed: string
  /** Stands for `matches`. */
  readonly matches: string
}

const macros = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

/** The text. Throws Error for `cel.bind`: names that double at each use make memory grow with a power of the length. */
export function boundedText(node: ASTNode, names: BoundedNames): string {
  const print = (child: ASTNode): string => boundedText(child, names)
  switch (node.op) {
    case 'value':
      return node.input.slice(node.range.start, node.range.end)
    case 'id':
      return node.args
    case '!_':
      return `!(${print(node.args)})`
    case '-_':
      return `-(${print(node.args)})`
    case '.':
    case '.?':
      return `(${print(node.args[0])})${node.op}${node.args[1]}`
    case '[]':
      return `(${print(node.args[0])})[${print(node.args[1])}]`
    case '[?]':
      return `(${print(node.args[0])})[?${print(node.args[1])}]`
    case 'call':
      return `${node.args[0]}(${node.args[1].map(print).join(', ')})`
    case 'rcall':
      return printMember(node.args, names)
    case 'list':
      return `[${node.args.map(print).join(', ')}]`
    case 'map':
      return `{${node.args.map(([key, value]) => `${print(key)}: ${print(value)}`).join(', ')}}`
    case '?:':
      return `((${print(node.args[0])}) ? (${print(node.args[1])}) : (${print(node.args[2])}))`
    default:
      return `((${print(node.args[0])}) ${node.op} (${print(node.args[1])}))`
  }
}

function printMember(
  [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
  names: BoundedNames,
): string {
  if (name === 'bind') throw new Error('bind is not a function of placements')
  const isMacro = macros.has(name)
  const printed = args.map((arg, index) => {
    const text = boundedText(arg, names)
    if (!isMacro || index === 0) return text
    // `exists` and `all` go on after an error, so what stands within must not even begin.
    return `${names.counted}(${names.allowed}() ? dyn(${text}) : dyn(false))`
  })
  const called = name === 'matches' ? names.matches : name
  return `(${boundedText(receiver, names)}).${called}(${printed.join(', ')})`
}
