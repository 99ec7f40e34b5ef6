// Template interpreter: walks a parsed template and writes its text. Synchronous: a function that has to wait throws
// and the whole template is run again (expand.ts).
// Bounds: output, steps and template depth, so that a template cannot occupy the process.
// Source: Go's text/template package documentation; error texts as its exec.go says them.

import { formatV } from './go-format.ts'
import type { ParameterType, TemplateFunction } from './go-functions.ts'
import { callTimeMethod } from './go-time.ts'
import {
  type BranchNode,
  type CommandNode,
  type Node,
  type OperandNode,
  type PipeNode,
  printNode,
  type TemplateNode,
  type VariableNode,
} from './nodes.ts'
import type { TemplateSet } from './parser.ts'
import {
  GoDuration,
  GoMap,
  GoStruct,
  GoTime,
  isList,
  isTrue,
  typeNameOf,
  type Value,
} from './values.ts'

/** Thrown by a function that needs an answer which is not there yet; passes through the interpreter. */
export class AnswerPending extends Error {
  readonly query: string

  constructor(query: string) {
    super('an answer is pending')
    this.query = query
  }
}

const outputSizeMax = 1 << 20
const stepsMax = 1_000_000
const templateDepthMax = 200

/** The text of a template over `dot`. Throws Error `template: NAME:LINE:COLUMN: executing …`. */
export function executeTemplate(
  set: TemplateSet,
  functions: Readonly<Record<string, TemplateFunction>>,
  dot: Value,
): string {
  return new Interpreter(set, functions, dot).run()
}

interface Variable {
  readonly name: string
  value: Value
}

/** No value: a pipeline's first command has no final argument. */
const missing = Symbol('missing')
type Final = Value | typeof missing

class Jump extends Error {
  readonly kind: 'break' | 'continue'

  constructor(kind: 'break' | 'continue') {
    super(kind)
    this.kind = kind
  }
}

class ExecutionError extends Error {}

class Interpreter {
  readonly #set: TemplateSet
  readonly #functions: Readonly<Record<string, TemplateFunction>>
  readonly #dot: Value
  #name: string
  #variables: Variable[]
  #out = ''
  #steps = 0
  #depth = 0
  #node: Node | OperandNode | CommandNode | undefined

  constructor(set: TemplateSet, functions: Readonly<Record<string, TemplateFunction>>, dot: Value) {
    this.#set = set
    this.#functions = functions
    this.#dot = dot
    this.#name = set.name
    this.#variables = [{ name: '$', value: dot }]
  }

  run(): string {
    this.#walkList(this.#dot, this.#set.main)
    return this.#out
  }

  #walkList(dot: Value, nodes: readonly Node[]): void {
    for (const node of nodes) this.#walk(dot, node)
  }

  #walk(dot: Value, node: Node): void {
    this.#node = node
    this.#step()
    if (node.kind === 'text') this.#write(node.text)
    else if (node.kind === 'action') this.#action(dot, node.pipe)
    else if (node.kind === 'range') this.#range(dot, node)
    else if (node.kind === 'template') this.#template(dot, node)
    else if (node.kind === 'if' || node.kind === 'with') this.#branch(dot, node)
    else throw new Jump(node.kind)
  }

  #step(): void {
    if (++this.#steps > stepsMax) throw this.#fault('the template takes too many steps')
  }

  #action(dot: Value, pipe: PipeNode): void {
    const value = this.#pipeline(dot, pipe)
    if (pipe.declared.length === 0) this.#write(value === null ? '<no value>' : formatV(value))
  }

  #write(text: string): void {
    this.#out += text
    if (this.#out.length > outputSizeMax) throw this.#fault('the output is too long')
  }

  #branch(dot: Value, node: BranchNode): void {
    const scope = this.#variables.length
    const value = this.#pipeline(dot, node.pipe)
    if (isTrue(value)) this.#walkList(node.kind === 'with' ? value : dot, node.list)
    else if (node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#variables.length = scope
  }

  #range(dot: Value, node: BranchNode): void {
    const scope = this.#variables.length
    const value = this.#pipeline(dot, node.pipe)
    const items = this.#itemsOf(value)
    const inner = this.#variables.length
    const { declared, isAssign } = node.pipe
    for (const [key, item] of items) {
      this.#step()
      const values = declared.length === 2 ? [key, item] : [item]
      declared.forEach((name, index) => {
        if (isAssign) this.#assign(name.names[0]!, values[index]!)
        else this.#variables[inner - declared.length + index]!.value = values[index]!
      })
      if (this.#runBody(item, node.list) === 'break') break
      this.#variables.length = inner
    }
    this.#variables.length = inner
    if (items.length === 0 && node.elseList !== undefined) this.#walkList(dot, node.elseList)
    this.#variables.length = scope
  }

  #runBody(dot: Value, list: readonly Node[]): 'break' | 'continue' {
    try {
      this.#walkList(dot, list)
    } catch (error) {
      if (!(error instanceof Jump)) throw error
      return error.kind
    }
    return 'continue'
  }

  #itemsOf(value: Value): (readonly [Value, Value])[] {
    if (value === null) return []
    if (isList(value)) return value.map((item, index) => [BigInt(index), item])
    if (value instanceof GoMap) return value.sortedKeys().map((key) => [key, value.get(key)])
    if (typeof value === 'bigint') {
      const count = Number(value)
      if (count > stepsMax) throw this.#fault('the template takes too many steps')
      return Array.from({ length: Math.max(0, count) }, (_, i) => [BigInt(i), BigInt(i)])
    }
    throw this.#fault(`range can't iterate over ${formatV(value)}`)
  }

  #template(dot: Value, node: TemplateNode): void {
    const body = node.name === this.#set.name ? this.#set.main : this.#set.defined.get(node.name)
    if (body === undefined) throw this.#fault(`template ${JSON.stringify(node.name)} not defined`)
    if (++this.#depth > templateDepthMax)
      throw this.#fault(`exceeded maximum template depth (${templateDepthMax})`)
    const value = node.pipe === undefined ? null : this.#pipeline(dot, node.pipe)
    const outer = { variables: this.#variables, name: this.#name }
    this.#variables = [{ name: '$', value }]
    this.#name = node.name
    this.#walkList(value, body)
    this.#variables = outer.variables
    this.#name = outer.name
    this.#depth--
  }

  #pipeline(dot: Value, pipe: PipeNode): Value {
    this.#node = pipe
    let value: Final = missing
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result = value as Value
    for (const variable of pipe.declared) {
      if (pipe.isAssign) this.#assign(variable.names[0]!, result)
      else this.#variables.push({ name: variable.names[0]!, value: result })
    }
    return result
  }

  #assign(name: string, value: Value): void {
    this.#variables.findLast((variable) => variable.name === name)!.value = value
  }

  #command(dot: Value, command: CommandNode, final: Final): Value {
    const first = command.args[0]!
    switch (first.kind) {
      case 'field':
        this.#node = first
        return this.#fields(dot, first.names, command.args, final)
      case 'chain':
        this.#node = first
        return this.#fields(this.#operand(dot, first.operand), first.names, command.args, final)
      case 'identifier':
        return this.#function(dot, first.name, first, command, final)
      case 'pipe':
        this.#refuseArguments(command, final)
        return this.#pipeline(dot, first)
      case 'variable':
        return this.#variable(first, command.args, final)
      default:
        this.#node = first
        this.#refuseArguments(command, final)
        if (first.kind === 'nil') throw this.#fault('nil is not a command')
        return this.#operand(dot, first)
    }
  }

  #refuseArguments(command: CommandNode, final: Final): void {
    if (command.args.length === 1 && final === missing) return
    throw this.#fault(`can't give argument to non-function ${printNode(command.args[0]!)}`)
  }

  #variable(node: VariableNode, args: readonly OperandNode[], final: Final): Value {
    const value = this.#variables.findLast((one) => one.name === node.names[0])!.value
    if (node.names.length > 1) {
      this.#node = node
      return this.#fields(value, node.names.slice(1), args, final)
    }
    if (args.length > 1 || final !== missing) {
      this.#node = node
      throw this.#fault(`can't give argument to non-function ${printNode(node)}`)
    }
    return value
  }

  #fields(
    start: Value,
    names: readonly string[],
    args: readonly OperandNode[],
    final: Final,
  ): Value {
    let value = start
    names.forEach((name, index) => {
      const isLast = index === names.length - 1
      value = this.#field(value, name, isLast ? args.slice(1) : [], isLast ? final : missing)
    })
    return value
  }

  #field(receiver: Value, name: string, args: readonly OperandNode[], final: Final): Value {
    if (receiver === null) return null
    const hasArgs = args.length > 0 || final !== missing
    if (receiver instanceof GoTime || receiver instanceof GoDuration) {
      const values = args.map((arg) => this.#argument(this.#dot, arg, 'any'))
      if (final !== missing) values.push(final)
      const result = callTimeMethod(receiver, name, values)
      if (result !== undefined) return result
    } else if (receiver instanceof GoStruct && receiver.fields.has(name)) {
      if (hasArgs) throw this.#fault(`${name} has arguments but cannot be invoked as function`)
      return receiver.fields.get(name)!
    } else if (receiver instanceof GoMap) {
      if (hasArgs) throw this.#fault(`${name} is not a method but has arguments`)
      return receiver.get(name)
    }
    throw this.#fault(`can't evaluate field ${name} in type ${typeNameOf(receiver)}`)
  }

  #function(
    dot: Value,
    name: string,
    node: OperandNode,
    command: CommandNode,
    final: Final,
  ): Value {
    this.#node = node
    const args = command.args.slice(1)
    if (name === 'and' || name === 'or') return this.#shortCircuit(dot, name, args, final)
    const spec = this.#functions[name]!
    const count = args.length + (final === missing ? 0 : 1)
    const wanted = spec.parameters.length
    if (spec.rest === undefined ? count !== wanted : count < wanted) {
      const atLeast = spec.rest === undefined ? '' : 'at least '
      throw this.#fault(`wrong number of args for ${name}: want ${atLeast}${wanted} got ${count}`)
    }
    const typeAt = (index: number): ParameterType => spec.parameters[index] ?? spec.rest!
    const values = args.map((arg, index) => this.#argument(dot, arg, typeAt(index)))
    if (final !== missing) values.push(this.#checked(final, typeAt(args.length)))
    this.#node = command.args.length === 1 ? node : command
    try {
      return spec.call(values)
    } catch (error) {
      if (error instanceof AnswerPending) throw error
      throw this.#fault(`error calling ${name}: ${(error as Error).message}`)
    }
  }

  #shortCircuit(dot: Value, name: 'and' | 'or', args: readonly OperandNode[], final: Final): Value {
    if (args.length === 0 && final === missing)
      throw this.#fault(`wrong number of args for ${name}: want at least 1 got 0`)
    let value: Value = null
    for (const arg of args) {
      value = this.#argument(dot, arg, 'any')
      if (isTrue(value) === (name === 'or')) return value
    }
    return final === missing ? value : final
  }

  #argument(dot: Value, node: OperandNode, type: ParameterType): Value {
    this.#node = node
    switch (node.kind) {
      case 'nil':
        if (type === 'any' || type === 'list' || type === 'sample') return null
        throw this.#fault(`cannot assign nil to ${goTypes[type]}`)
      case 'bool':
      case 'number':
      case 'string':
        return this.#constant(node, type)
      default:
        return this.#checked(this.#operand(dot, node), type)
    }
  }

  #constant(
    node: OperandNode & { kind: 'bool' | 'number' | 'string' },
    type: ParameterType,
  ): Value {
    if (type === 'string' && node.kind !== 'string')
      throw this.#fault(`expected string; found ${printNode(node)}`)
    if (type === 'int' && (node.kind !== 'number' || node.int === undefined))
      throw this.#fault(`expected integer; found ${printNode(node)}`)
    if (type === 'float' && node.kind !== 'number')
      throw this.#fault(`expected float; found ${printNode(node)}`)
    if (type === 'list' || type === 'sample')
      throw this.#fault(`can't handle ${printNode(node)} for arg of type ${goTypes[type]}`)
    if (node.kind !== 'number') return node.value
    if (type === 'float') return node.float
    if (type === 'int') return node.int!
    return node.isFloat ? node.float : node.int!
  }

  // The value of an operand that is no function's constant.
  #operand(dot: Value, node: OperandNode): Value {
    this.#node = node
    switch (node.kind) {
      case 'dot':
        return dot
      case 'nil':
        throw this.#fault('nil is not a command')
      case 'field':
        return this.#fields(dot, node.names, [node], missing)
      case 'variable':
        return this.#variable(node, [node], missing)
      case 'pipe':
        return this.#pipeline(dot, node)
      case 'identifier':
        return this.#function(
          dot,
          node.name,
          node,
          { kind: 'command', pos: node.pos, args: [node] },
          missing,
        )
      case 'chain':
        return this.#fields(this.#operand(dot, node.operand), node.names, [node], missing)
      default:
        return this.#constant(node, 'any')
    }
  }

  #checked(value: Value, type: ParameterType): Value {
    if (type === 'any') return value
    if (value === null) {
      if (type === 'list' || type === 'sample') return value
      throw this.#fault(`invalid value; expected ${goTypes[type]}`)
    }
    const fits =
      (type === 'string' && typeof value === 'string') ||
      (type === 'int' && typeof value === 'bigint') ||
      (type === 'float' && typeof value === 'number') ||
      (type === 'list' && isList(value)) ||
      (type === 'sample' && value instanceof GoStruct && value.typeName === '*template.sample')
    if (fits) return value
    throw this.#fault(`wrong type for value; expected ${goTypes[type]}; got ${typeNameOf(value)}`)
  }

  #fault(message: string): Error {
    const node = this.#node
    if (node === undefined) return new ExecutionError(`template: ${this.#name}: ${message}`)
    const before = this.#set.text.slice(0, node.pos)
    const lineStart = before.lastIndexOf('\n') + 1
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(lineStart))
    const place = `${this.#set.name}:${line}:${column}`
    return new ExecutionError(
      `template: ${place}: executing ${JSON.stringify(this.#name)} at <${printNode(node)}>: ${message}`,
    )
  }
}

const goTypes: Readonly<Record<ParameterType, string>> = {
  any: 'interface {}',
  string: 'string',
  int: 'int',
  float: 'float64',
  list: 'template.queryResult',
  sample: '*template.sample',
}
