import { expect, it } from 'vitest'
import {
  allParserFeatures,
  defaultParserFeatures,
  languageFeatures,
} from '../../../src/promql/index.ts'

it('tells which parts of the language are on', () => {
  const usual = languageFeatures(defaultParserFeatures)
  expect(usual.promql).toMatchObject({
    duration_expr: true,
    offset: true,
    anchored: false,
    fill_left: false,
  })
  expect(usual.promql_operators).toMatchObject({ '>/': true, sum: true, limitk: false })
  expect(usual.promql_functions).toMatchObject({ rate: true, info: false })
  const everything = Object.values(languageFeatures(allParserFeatures)).flatMap(Object.values)
  expect(everything.every((isOn) => isOn === true)).toBe(true)
})
