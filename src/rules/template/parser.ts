// Template parser: tokens to a tree, with the checks that Go makes while parsing: functions exist, variables are
// declared, pipelines have values.
// Source: the language of Go's text/template package documentation; error texts as Go's text/template/parse says them.

import { unquoteGo } from './go-string.ts'
import { lexTemplate, TemplateSyntaxError, type Token, type TokenKind } from './lexer.ts'
import {
  type BranchNode,
  type CommandNode,
  type Node,
  type OperandNode,
  type PipeNode,
  printNode,
  type TemplateNode,
} from './nodes.ts'
import { parseNumber } from './number-literal.ts'

/** The templates of one text: its main body and what it defines. */
export interface TemplateSet {
  readonly name: string
  readonly text: string
  readonly main: readonly Node[]
  readonly defined: ReadonlyMap<string, readonly Node[]>
}

/** Parses a template. Throws Error `template: NAME:LINE: reason`. */
export function parseTemplate(
  name: string,
  text: string,
  isFunction: (name: string) => boolean,
): TemplateSet {
  try {
    return new Parser(name, text, isFunction).run()
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error
    throw new Error(`template: ${name}:${error.line}: ${error.message}`)
  }
}

type Ending = 'end' | 'else' | 'eof'

interface List {
  readonly nodes: Node[]
  readonly ending: Ending
}

/** Deepest nesting of blocks and parentheses: far above what anybody writes, below what overflows the stack. */
const depthMax = 200

class Parser {
  readonly #name: string
  readonly #text: string
  readonly #isFunction: (name: string) => boolean
  readonly #tokens: readonly Token[]
  readonly #defined = new Map<string, readonly Node[]>()
  #next = 0
  #variables = ['$']
  #rangeDepth = 0
  #depth = 0

  constructor(name: string, text: string, isFunction: (name: string) => boolean) {
    this.#name = name
    this.#text = text
    this.#isFunction = isFunction
    this.#tokens = lexTemplate(text)
  }

  run(): TemplateSet {
    const { nodes, ending } = this.#list(true)
    if (ending !== 'eof') throw this.#fault(`unexpected {{${ending}}}`)
    return { name: this.#name, text: this.#text, main: nodes, defined: this.#defined }
  }

  // Nodes up to {{end}}, {{else}} (which are read, {{else}} without what follows) or the end of the text.
  #list(isTop: boolean): List {
    if (++this.#depth > depthMax) throw this.#fault('blocks are nested too deeply')
    const nodes: Node[] = []
    for (;;) {
      const token = this.#take()
      if (token.kind === 'text') nodes.push({ kind: 'text', pos: token.at, text: token.text })
      else if (token.kind === 'eof') {
        if (!isTop) throw this.#fault('unexpected EOF')
        return this.#leave(nodes, 'eof')
      } else {
        const ending = this.#action(nodes, isTop)
        if (ending !== undefined) return this.#leave(nodes, ending)
      }
    }
  }

  #leave(nodes: Node[], ending: Ending): List {
    this.#depth--
    return { nodes, ending }
  }

  #action(nodes: Node[], isTop: boolean): Ending | undefined {
    const token = this.#takeNonSpace()
    switch (token.kind) {
      case 'end':
        this.#expect('right', 'end')
        return 'end'
      case 'else':
        return 'else'
      case 'define':
        if (!isTop) throw this.#unexpected(token, 'define clause')
        this.#definition('define clause')
        return undefined
      case 'block':
        nodes.push(this.#block(token))
        return undefined
      case 'if':
      case 'with':
      case 'range':
        nodes.push(this.#branch(token.kind, token.at))
        return undefined
      case 'template':
        nodes.push(this.#template())
        return undefined
      case 'break':
      case 'continue':
        nodes.push(this.#jump(token.kind, token))
        return undefined
      default:
        this.#next--
        nodes.push({
          kind: 'action',
          pos: token.at,
          pipe: this.#pipeline('command', 'right'),
        })
        return undefined
    }
  }

  #jump(kind: 'break' | 'continue', token: Token): Node {
    const next = this.#takeNonSpace()
    if (next.kind !== 'right') throw this.#unexpected(next, `{{${kind}}}`)
    if (this.#rangeDepth === 0) throw this.#fault(`{{${kind}}} outside {{range}}`)
    return { kind, pos: token.at }
  }

  #branch(kind: BranchNode['kind'], pos: number): BranchNode {
    const scope = this.#variables.length
    const pipe = this.#pipeline(kind, 'right')
    if (kind === 'range') this.#rangeDepth++
    const { nodes, ending } = this.#list(false)
    if (kind === 'range') this.#rangeDepth--
    const elseList = ending === 'else' ? this.#elseList(kind) : undefined
    this.#variables.length = scope
    return { kind, pos, pipe, list: nodes, elseList }
  }

  // After {{else: either `if`/`with` and a branch that shares its {{end}}, or the nodes up to {{end}}.
  #elseList(kind: BranchNode['kind']): Node[] {
    const token = this.#takeNonSpace()
    const isChained = (token.kind === 'if' || token.kind === 'with') && token.kind === kind
    if (isChained) return [this.#branch(kind, token.at)]
    if (token.kind !== 'right') throw this.#unexpected(token, 'else')
    const { nodes, ending } = this.#list(false)
    if (ending !== 'end') throw this.#fault('expected end; found {{else}}')
    return nodes
  }

  #template(): TemplateNode {
    const pos = this.#peekNonSpace().at
    const name = this.#templateName('template clause')
    const next = this.#takeNonSpace()
    if (next.kind === 'right') return { kind: 'template', pos, name, pipe: undefined }
    this.#next--
    const pipe = this.#pipeline('template clause', 'right')
    return { kind: 'template', pos, name, pipe }
  }

  #block(token: Token): TemplateNode {
    const name = this.#templateName('block clause')
    const pipe = this.#pipeline('block clause', 'right')
    this.#body(name, 'block clause')
    return { kind: 'template', pos: token.at, name, pipe }
  }

  #definition(context: string): void {
    const name = this.#templateName(context)
    this.#expect('right', context)
    this.#body(name, context)
  }

  #body(name: string, context: string): void {
    const outer = { variables: this.#variables, rangeDepth: this.#rangeDepth }
    this.#variables = ['$']
    this.#rangeDepth = 0
    const { nodes, ending } = this.#list(false)
    if (ending !== 'end') throw this.#fault(`unexpected {{else}} in ${context}`)
    this.#variables = outer.variables
    this.#rangeDepth = outer.rangeDepth
    const isEmpty = nodes.every((node) => node.kind === 'text' && node.text.trim() === '')
    const known = this.#defined.get(name)
    // Go lets a definition stand beside an empty one of the same name, and keeps the one with a body.
    if (known !== undefined && !isEmpty && known.length > 0) {
      throw this.#fault(`template: multiple definition of template ${JSON.stringify(name)}`)
    }
    if (known === undefined || !isEmpty) this.#defined.set(name, isEmpty ? [] : nodes)
  }

  #templateName(context: string): string {
    const token = this.#takeNonSpace()
    if (token.kind !== 'string' && token.kind !== 'rawString')
      throw this.#unexpected(token, context)
    return this.#unquote(token)
  }

  #pipeline(context: string, end: 'right' | 'rightParen'): PipeNode {
    if (++this.#depth > depthMax) throw this.#fault('pipelines are nested too deeply')
    const pos = this.#peekNonSpace().at
    const declared: { kind: 'variable'; pos: number; names: string[] }[] = []
    const isAssign = this.#declarations(context, declared)
    const commands: CommandNode[] = []
    for (;;) {
      const token = this.#takeNonSpace()
      if (token.kind === end) break
      if (!operandStarts.has(token.kind)) throw this.#unexpected(token, context)
      this.#next--
      commands.push(this.#command())
    }
    if (commands.length === 0) throw this.#fault(`missing value for ${context}`)
    commands.slice(1).forEach((command, index) => {
      if (constants.has(command.args[0]!.kind)) {
        throw this.#fault(`non executable command in pipeline stage ${index + 2}`)
      }
    })
    this.#depth--
    return { kind: 'pipe', pos, isAssign, declared, commands }
  }

  // `$x :=`, `$x =`, and in ranges `$i, $x :=`. Returns whether it assigns.
  #declarations(
    context: string,
    declared: { kind: 'variable'; pos: number; names: string[] }[],
  ): boolean {
    for (;;) {
      const start = this.#next
      const variable = this.#takeNonSpace()
      const next = this.#peekNonSpace()
      const isComma = next.kind === 'char' && next.text === ','
      const isSign = next.kind === 'assign' || next.kind === 'declare'
      if (variable.kind !== 'variable' || (!isComma && !isSign)) {
        this.#next = start
        return false
      }
      this.#takeNonSpace()
      declared.push({ kind: 'variable', pos: variable.at, names: [variable.text] })
      if (next.kind === 'assign') this.#useVariable(variable.text)
      else this.#variables.push(variable.text)
      if (isSign) return next.kind === 'assign'
      if (context !== 'range' || declared.length > 1)
        throw this.#fault(`too many declarations in ${context}`)
      if (this.#peekNonSpace().kind !== 'variable')
        throw this.#fault('range can only initialize variables')
    }
  }

  #command(): CommandNode {
    const pos = this.#peekNonSpace().at
    const args: OperandNode[] = []
    for (;;) {
      this.#peekNonSpace()
      this.#skipSpaces()
      const operand = this.#operand()
      if (operand !== undefined) args.push(operand)
      const token = this.#take()
      if (token.kind === 'space') continue
      if (token.kind === 'right' || token.kind === 'rightParen') this.#next--
      else if (token.kind !== 'pipe') throw this.#unexpected(token, 'operand')
      break
    }
    if (args.length === 0) throw this.#fault('empty command')
    return { kind: 'command', pos, args }
  }

  #operand(): OperandNode | undefined {
    const term = this.#term()
    if (term === undefined || this.#peek().kind !== 'field') return term
    const pos = this.#peek().at
    const names: string[] = []
    while (this.#peek().kind === 'field') names.push(this.#take().text.slice(1))
    if (term.kind === 'field') return { kind: 'field', pos, names: [...term.names, ...names] }
    if (term.kind === 'variable') return { kind: 'variable', pos, names: [...term.names, ...names] }
    if (constants.has(term.kind)) {
      throw this.#fault(`unexpected . after term ${JSON.stringify(printNode(term))}`)
    }
    return { kind: 'chain', pos, operand: term, names }
  }

  #term(): OperandNode | undefined {
    const token = this.#take()
    const pos = token.at
    switch (token.kind) {
      case 'identifier':
        if (!this.#isFunction(token.text))
          throw this.#fault(`function ${JSON.stringify(token.text)} not defined`)
        return { kind: 'identifier', pos, name: token.text }
      case 'dot':
        return { kind: 'dot', pos }
      case 'nil':
        return { kind: 'nil', pos }
      case 'variable':
        this.#useVariable(token.text)
        return { kind: 'variable', pos, names: [token.text] }
      case 'field':
        return { kind: 'field', pos, names: [token.text.slice(1)] }
      case 'bool':
        return { kind: 'bool', pos, value: token.text === 'true' }
      case 'number':
      case 'charConstant':
        return { kind: 'number', pos, text: token.text, ...this.#number(token) }
      case 'leftParen':
        return this.#pipeline('parenthesized pipeline', 'rightParen')
      case 'string':
      case 'rawString':
        return { kind: 'string', pos, quoted: token.text, value: this.#unquote(token) }
      default:
        this.#next--
        return undefined
    }
  }

  #number(token: Token): ReturnType<typeof parseNumber> & object {
    const number = parseNumber(token.text)
    if (number !== undefined) return number
    throw this.#fault(`illegal number syntax: ${JSON.stringify(token.text)}`)
  }

  #unquote(token: Token): string {
    if (token.kind === 'rawString') return token.text.slice(1, -1).replaceAll('\r', '')
    try {
      return unquoteGo(token.text)
    } catch {
      throw this.#fault('invalid syntax')
    }
  }

  #useVariable(name: string): void {
    if (this.#variables.includes(name)) return
    throw this.#fault(`undefined variable ${JSON.stringify(name)}`)
  }

  #peek(): Token {
    return this.#tokens[this.#next]!
  }

  #take(): Token {
    const token = this.#tokens[this.#next]!
    if (token.kind !== 'eof') this.#next++
    return token
  }

  #skipSpaces(): void {
    while (this.#peek().kind === 'space') this.#next++
  }

  #peekNonSpace(): Token {
    let at = this.#next
    while (this.#tokens[at]!.kind === 'space') at++
    return this.#tokens[at]!
  }

  #takeNonSpace(): Token {
    this.#skipSpaces()
    return this.#take()
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#takeNonSpace()
    if (token.kind !== kind) throw this.#unexpected(token, context)
  }

  #unexpected(token: Token, context: string): TemplateSyntaxError {
    return new TemplateSyntaxError(token.line, `unexpected ${shownToken(token)} in ${context}`)
  }

  #fault(message: string): TemplateSyntaxError {
    const line = this.#tokens[Math.max(0, this.#next - 1)]!.line
    return new TemplateSyntaxError(line, message)
  }
}

const constants: ReadonlySet<string> = new Set(['bool', 'dot', 'nil', 'number', 'string'])

const operandStarts: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'bool',
  'charConstant',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
])

const keywordKinds: ReadonlySet<string> = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
])

function shownToken(token: Token): string {
  if (token.kind === 'eof') return 'EOF'
  if (keywordKinds.has(token.kind)) return `<${token.text}>`
  if (token.text.length > 10) return `${JSON.stringify(token.text.slice(0, 10))}...`
  return JSON.stringify(token.text)
}
