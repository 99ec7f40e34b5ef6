import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRelabel, type RelabelRule } from '../../src/ingest/index.ts'

/** Labels after the rules, or undefined where they drop the series. */
function relabelled(
  rules: readonly RelabelRule[],
  labels: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const map = new Map(Object.entries(labels))
  return compileRelabel(rules, 'test')(map) ? Object.fromEntries(map) : undefined
}

const labelName = fc.constantFrom('a', 'b', 'c', 'job', 'env_x', 'env_y')
const labelValue = fc.constantFrom('1', 'x', 'foo', 'bar', 'foo;bar', 'é\n', '😀')
const labelSet = fc.dictionary(labelName, labelValue)

describe('replace', () => {
  it('writes the first group of the joined source values to the target', () => {
    const rule = { source_labels: ['a', 'b'], regex: '(f.*);(.*)', target_label: 'd' }
    expect(relabelled([{ ...rule, replacement: '$2-$1' }], { a: 'foo', b: 'bar' })).toEqual({
      a: 'foo',
      b: 'bar',
      d: 'bar-foo',
    })
  })

  it('takes the longest name after a dollar, and braces end it', () => {
    const expand = (replacement: string) =>
      relabelled(
        [{ source_labels: ['a'], regex: '(?P<n>f)(oo)', target_label: 'd', replacement }],
        {
          a: 'foo',
        },
      )?.d
    expect(expand('$1x')).toBeUndefined()
    expect(expand(['$', '{1}x'].join(''))).toBe('fx')
    expect(expand(['$', '{n}$2'].join(''))).toBe('foo')
    expect(expand('$n')).toBe('f')
    expect(expand('$$1')).toBe('$1')
    expect(expand('$3.')).toBe('.')
    expect(expand('100$')).toBe('100$')
    expect(expand('$-')).toBe('$-')
    expect(expand('$0')).toBe('foo')
    expect(expand('$01')).toBeUndefined()
  })

  it('leaves the labels alone where the expression does not match the whole value', () => {
    const rule = { source_labels: ['a'], regex: 'oo', target_label: 'd', replacement: 'x' }
    expect(relabelled([rule], { a: 'foo' })).toEqual({ a: 'foo' })
  })

  it('deletes the target where the value comes out empty', () => {
    expect(relabelled([{ source_labels: ['x'], target_label: 'a' }], { a: '1' })).toEqual({})
  })

  it('sets a literal where the source is empty and the expression is the default', () => {
    expect(relabelled([{ target_label: 'd', replacement: 'west' }], {})).toEqual({ d: 'west' })
  })

  it('expands the target name, and skips where it comes out empty', () => {
    const rule = { source_labels: ['a'], regex: '(.)(.*)', replacement: '$2' }
    expect(relabelled([{ ...rule, target_label: 'k_$1' }], { a: 'foo' })).toMatchObject({
      k_f: 'oo',
    })
    expect(relabelled([{ ...rule, target_label: '$3' }], { a: 'foo' })).toEqual({ a: 'foo' })
  })

  it('matches newlines with a dot and anchors at the true end', () => {
    const rule = { source_labels: ['a'], target_label: 'd', replacement: 'hit' }
    expect(relabelled([{ ...rule, regex: 'x.y' }], { a: 'x\ny' })?.d).toBe('hit')
    expect(relabelled([{ ...rule, regex: 'x' }], { a: 'x\n' })?.d).toBeUndefined()
    expect(relabelled([{ ...rule, regex: 'x|yz' }], { a: 'xz' })?.d).toBeUndefined()
  })
})

describe('keep, drop and the rest', () => {
  it('keeps exactly what drop would drop', () => {
    const regex = fc.constantFrom('foo', '(foo|bar)(;.*)?', '.*', '', '.+', '[a-z]+;1')
    fc.assert(
      fc.property(
        labelSet,
        regex,
        fc.array(labelName, { maxLength: 2 }),
        (labels, regex, names) => {
          const rule = { source_labels: names, regex }
          const kept = relabelled([{ ...rule, action: 'keep' }], labels)
          const dropped = relabelled([{ ...rule, action: 'drop' }], labels)
          expect(kept === undefined).toBe(dropped !== undefined)
          expect(kept ?? dropped).toEqual(labels)
        },
      ),
    )
  })

  it('compares source and target in keepequal and dropequal, a missing label being empty', () => {
    const rule = { source_labels: ['a'], target_label: 'b' }
    expect(relabelled([{ ...rule, action: 'KeepEqual' }], { a: '1', b: '1' })).toBeDefined()
    expect(relabelled([{ ...rule, action: 'keepequal' }], { a: '1' })).toBeUndefined()
    expect(relabelled([{ ...rule, action: 'dropequal' }], {})).toBeUndefined()
    expect(relabelled([{ ...rule, action: 'dropequal' }], { b: '1' })).toBeDefined()
  })

  it('stops at the first rule that drops', () => {
    const rules = [
      { action: 'drop', source_labels: ['a'], regex: '1' },
      { target_label: 'seen', replacement: 'yes' },
    ]
    const labels = new Map([['a', '1']])
    expect(compileRelabel(rules, 'test')(labels)).toBe(false)
    expect([...labels]).toEqual([['a', '1']])
  })

  it('hashes with the last eight bytes of MD5, as Prometheus does', () => {
    const rule = { action: 'hashmod', source_labels: ['a', 'b'], target_label: 'd' }
    fc.assert(
      fc.property(labelValue, labelValue, fc.integer({ min: 1, max: 2 ** 40 }), (a, b, modulus) => {
        const hex = createHash('md5').update(`${a};${b}`).digest('hex').slice(16)
        const expected = String(BigInt(`0x${hex}`) % BigInt(modulus))
        expect(relabelled([{ ...rule, modulus }], { a, b })?.d).toBe(expected)
      }),
    )
  })

  it('copies labels whose name matches in labelmap, and keeps the originals', () => {
    const rule = { action: 'labelmap', regex: 'env_(.+)' }
    expect(relabelled([rule], { env_x: '1', env_y: '2', job: 'j' })).toEqual({
      env_x: '1',
      env_y: '2',
      job: 'j',
      x: '1',
      y: '2',
    })
    fc.assert(
      fc.property(labelSet, (labels) => {
        expect(relabelled([{ action: 'labelmap', regex: '(.*)' }], labels)).toEqual(labels)
      }),
    )
  })

  it('splits the labels between labeldrop and labelkeep', () => {
    fc.assert(
      fc.property(labelSet, fc.constantFrom('env_.*', 'a|b', '.*', ''), (labels, regex) => {
        const kept = relabelled([{ action: 'labelkeep', regex }], labels)
        const rest = relabelled([{ action: 'labeldrop', regex }], labels)
        expect({ ...kept, ...rest }).toEqual(labels)
        expect(Object.keys(kept!).filter((name) => name in rest!)).toEqual([])
      }),
    )
  })

  it('maps case one code point at a time', () => {
    const upper = { action: 'uppercase', source_labels: ['a'], target_label: 'd' }
    const lower = { action: 'lowercase', source_labels: ['a'], target_label: 'd' }
    expect(relabelled([upper], { a: 'straße' })?.d).toBe('STRAßE')
    expect(relabelled([lower], { a: 'ÀİΣ' })?.d).toBe('àiσ')
  })
})

describe('checking rules', () => {
  const fault = (rule: RelabelRule): string => {
    try {
      compileRelabel([{ target_label: 'x' }, rule], 'tenant a')
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }

  it('names the rule and the fault', () => {
    expect(fault({ action: 'hashmod', target_label: 'x' })).toMatch(/modulus.*tenant a, rule 2/)
    expect(fault({ action: 'replace' })).toMatch(/no target_label/)
    expect(fault({ action: 'explode' })).toMatch(/"explode" is unknown.*labelkeep/)
    expect(fault({ target_label: 'x', regex: '(?=a)' })).toMatch(/not valid RE2/)
    expect(fault({ target_label: 'x', regex: 'a{1001}' })).toMatch(/not valid RE2/)
    expect(fault({ action: 'labeldrop', source_labels: ['a'] })).toMatch(/takes no source_labels/)
    expect(fault({ action: 'keepequal', target_label: 'x', regex: 'a' })).toMatch(/takes no regex/)
    expect(fault({ action: 'lowercase', target_label: 'x', replacement: 'a' })).toMatch(
      /takes no replacement/,
    )
  })

  it('accepts defaults that are written out', () => {
    expect(
      fault({ action: 'LabelDrop', regex: 'a', separator: ';', replacement: '$1', modulus: 0 }),
    ).toBe('')
  })
})
