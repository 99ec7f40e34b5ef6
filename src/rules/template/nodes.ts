// Template nodes: the tree of a Go text/template, and how each node prints itself in error messages.
// Positions are offsets into the JavaScript string; messages count bytes (exec-error.ts).
// Source: the language of Go's text/template package documentation.

/** A pipeline: `$x := cmd | cmd`. */
export interface PipeNode {
  readonly kind: 'pipe'
  readonly pos: number
  readonly isAssign: boolean
  readonly declared: readonly VariableNode[]
  readonly commands: readonly CommandNode[]
}

/** One command of a pipeline: an operand, or a function with its arguments. */
export interface CommandNode {
  readonly kind: 'command'
  readonly pos: number
  readonly args: readonly OperandNode[]
}

/** `$x.A.B`: the name with its dollar first, then the fields. */
export interface VariableNode {
  readonly kind: 'variable'
  readonly pos: number
  readonly names: readonly string[]
}

/** Anything that may stand in a command. */
export type OperandNode =
  | PipeNode
  | VariableNode
  | { readonly kind: 'identifier'; readonly pos: number; readonly name: string }
  | { readonly kind: 'dot'; readonly pos: number }
  | { readonly kind: 'nil'; readonly pos: number }
  | { readonly kind: 'field'; readonly pos: number; readonly names: readonly string[] }
  | {
      readonly kind: 'chain'
      readonly pos: number
      readonly operand: OperandNode
      readonly names: readonly string[]
    }
  | { readonly kind: 'bool'; readonly pos: number; readonly value: boolean }
  | {
      readonly kind: 'number'
      readonly pos: number
      readonly text: string
      /** The value where it is a whole number. */
      readonly int: bigint | undefined
      readonly float: number
      /** Written as a float, so that it stays one where no type is asked for. */
      readonly isFloat: boolean
    }
  | {
      readonly kind: 'string'
      readonly pos: number
      readonly quoted: string
      readonly value: string
    }

/** A branch: if, with or range. */
export interface BranchNode {
  readonly kind: 'if' | 'with' | 'range'
  readonly pos: number
  readonly pipe: PipeNode
  readonly list: readonly Node[]
  readonly elseList: readonly Node[] | undefined
}

/** Calls another template. */
export interface TemplateNode {
  readonly kind: 'template'
  readonly pos: number
  readonly name: string
  readonly pipe: PipeNode | undefined
}

/** Anything in a template's body. */
export type Node =
  | { readonly kind: 'text'; readonly pos: number; readonly text: string }
  | { readonly kind: 'action'; readonly pos: number; readonly pipe: PipeNode }
  | BranchNode
  | TemplateNode
  | { readonly kind: 'break'; readonly pos: number }
  | { readonly kind: 'continue'; readonly pos: number }

/** A node as error messages show it. */
export function printNode(node: Node | OperandNode | CommandNode): string {
  switch (node.kind) {
    case 'pipe':
      return printPipe(node)
    case 'command':
      return node.args
        .map((arg) => (arg.kind === 'pipe' ? `(${printPipe(arg)})` : printNode(arg)))
        .join(' ')
    case 'variable':
      return node.names.join('.')
    case 'identifier':
      return node.name
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'field':
      return `.${node.names.join('.')}`
    case 'chain':
      return `${node.operand.kind === 'pipe' ? `(${printPipe(node.operand)})` : printNode(node.operand)}.${node.names.join('.')}`
    case 'bool':
      return String(node.value)
    case 'number':
      return node.text
    case 'string':
      return node.quoted
    case 'text':
      return node.text
    case 'action':
      return `{{${printPipe(node.pipe)}}}`
    case 'template': {
      const pipe = node.pipe === undefined ? '' : ` ${printPipe(node.pipe)}`
      return `{{template ${JSON.stringify(node.name)}${pipe}}}`
    }
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
    default:
      return printBranch(node)
  }
}

function printPipe(pipe: PipeNode): string {
  const declared = pipe.declared.map((name) => printNode(name)).join(', ')
  const sign = pipe.isAssign ? '=' : ':='
  const commands = pipe.commands.map((command) => printNode(command)).join(' | ')
  return declared === '' ? commands : `${declared} ${sign} ${commands}`
}

function printBranch(node: BranchNode): string {
  const list = node.list.map((one) => printNode(one)).join('')
  const rest = node.elseList?.map((one) => printNode(one)).join('')
  const tail = rest === undefined ? '' : `{{else}}${rest}`
  return `{{${node.kind} ${printPipe(node.pipe)}}}${list}${tail}{{end}}`
}
