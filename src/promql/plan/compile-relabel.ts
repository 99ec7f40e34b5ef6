// label_replace and label_join of a plan to operators. The regular expression is RE2's, anchored, its dot matches
// newlines; it never reaches JavaScript's own engine.

import { RE2JS } from 're2js'
import { expandTemplate, parseTemplate } from '../functions/label-template.ts'
import type { Operator } from '../operators/operator.ts'
import type { QueryContext } from '../operators/query-context.ts'
import { failQuery } from '../operators/query-context.ts'
import { RelabelOperator } from '../operators/relabel.ts'
import { stringArgument } from './compiler.ts'
import type { CallPlan } from './node.ts'

/** label_replace(v, dst, replacement, src, regex) or label_join(v, dst, separator, src…). */
export function relabelOperator(call: CallPlan, input: Operator, context: QueryContext): Operator {
  return call.name === 'label_replace'
    ? replaceOperator(call, input, context)
    : joinOperator(call, input, context)
}

function replaceOperator(call: CallPlan, input: Operator, context: QueryContext): Operator {
  const target = stringArgument(call, 1)
  const template = parseTemplate(stringArgument(call, 2))
  const source = stringArgument(call, 3)
  const regex = compileRegex(stringArgument(call, 4))
  checkLabelName(target, 'destination', call.name)
  return new RelabelOperator(input, context, {
    line: call.name,
    target,
    edit: (label) => {
      const matcher = regex.matcher(label(source))
      if (!matcher.matches()) return undefined
      return expandTemplate(template, {
        group: (index) => (index > matcher.groupCount() ? '' : (matcher.group(index) ?? '')),
        named: (name) => (name in regex.namedGroups() ? (matcher.group(name) ?? '') : ''),
      })
    },
  })
}

function joinOperator(call: CallPlan, input: Operator, context: QueryContext): Operator {
  const target = stringArgument(call, 1)
  const separator = stringArgument(call, 2)
  const sources = call.args.slice(3).map((_, index) => stringArgument(call, index + 3))
  for (const source of sources) checkLabelName(source, 'source', call.name)
  checkLabelName(target, 'destination', call.name)
  return new RelabelOperator(input, context, {
    line: call.name,
    target,
    edit: (label) => sources.map(label).join(separator),
  })
}

function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL)
  } catch {
    failQuery(`invalid regular expression in label_replace(): ${pattern}`)
  }
}

function checkLabelName(name: string, role: string, call: string): void {
  if (name !== '' && name.isWellFormed()) return
  failQuery(`invalid ${role} label name in ${call}(): ${name}`)
}
