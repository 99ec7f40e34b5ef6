// Query routes: /query and /query_range, GET and POST. Source: Prometheus web/api/v1/api.go.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { UserError } from '../../model/index.ts'
import type { StatsWanted } from '../../query/index.ts'
import { described } from '../described.ts'
import { duration, invalid, limit, type Parameters, text, time } from '../parameters.ts'
import { parametersOf, type ReadDoor, sendCall } from './reader.ts'

/** Most steps of a range query. */
export const stepsMax = 11_000

/** `/query` and `/query_range` below the plugin's prefix. */
export const queryRoutes: FastifyPluginAsync<{ door: ReadDoor }> = async (app, { door }) => {
  const instant = async (request: FastifyRequest, reply: FastifyReply) => {
    const parameters = parametersOf(request)
    const timeMs = time(parameters, 'time', Date.now())
    return sendCall(door, request, reply, { kind: 'instant', ...evaluation(parameters), timeMs })
  }
  const range = async (request: FastifyRequest, reply: FastifyReply) => {
    const parameters = parametersOf(request)
    const useCache = !['true', '1'].includes(text(parameters, 'nocache'))
    const asked = { ...rangeOf(parameters), ...evaluation(parameters) }
    const call = { kind: 'range', ...asked, useCache } as const
    return sendCall(door, request, reply, call)
  }
  const method = ['GET', 'POST']
  app.route({ method, url: '/query', schema: instantSchema, handler: instant })
  app.route({ method, url: '/query_range', schema: rangeSchema, handler: range })
}

const evaluationParameters = {
  query: 'Expression',
  timeout: "Longest time; may shorten the server's, never lengthen it",
  limit: 'Most series of the answer; 0 = all',
  lookback_delta: 'How far back an instant selector looks',
  stats: 'true or all: with statistics',
  explain: 'true: the plan instead of the answer',
  analyze: 'true: the plan with what each operator cost',
}

const instantSchema = described({
  tag: 'query',
  summary: 'Evaluates an expression at one time',
  query: { ...evaluationParameters, time: 'Seconds or RFC 3339; absent: now' },
})

const rangeSchema = described({
  tag: 'query',
  summary: 'Evaluates an expression over a range of time',
  query: {
    ...evaluationParameters,
    start: 'First time; seconds or RFC 3339',
    end: 'Last time; seconds or RFC 3339',
    step: 'Seconds or a duration',
    nocache: 'true: computed anew',
  },
})

function evaluation(parameters: Parameters) {
  const stats = text(parameters, 'stats')
  const analyze = ['true', '1'].includes(text(parameters, 'analyze'))
  const explain = ['true', '1'].includes(text(parameters, 'explain'))
  const wanted: StatsWanted = stats === '' ? 'none' : stats === 'all' ? 'all' : 'totals'
  return {
    query: text(parameters, 'query'),
    lookbackMs: lookbackOf(parameters),
    limit: limit(parameters),
    stats: wanted,
    warnings: ['', 'true', 'all'].includes(stats) ? [] : [deprecatedStats(stats)],
    explain: analyze ? 'analyze' : explain ? 'plan' : 'none',
  } as const
}

function deprecatedStats(value: string): string {
  return `value "${value}" for parameter "stats" is deprecated, use "true" or "all"`
}

function lookbackOf(parameters: Parameters): number | undefined {
  const lookbackMs = duration(parameters, 'lookback_delta')
  if (lookbackMs !== undefined && lookbackMs <= 0) {
    throw new UserError('bad_data', {
      what: 'error parsing lookback delta duration: it must be positive',
    })
  }
  return lookbackMs
}

function rangeOf(parameters: Parameters) {
  const startMs = time(parameters, 'start')
  const endMs = time(parameters, 'end')
  if (endMs < startMs) throw invalid('end', 'end timestamp must not be before start time')
  const stepMs = duration(parameters, 'step')
  if (stepMs === undefined) throw invalid('step', 'cannot parse "" to a valid duration')
  if (stepMs <= 0) {
    throw invalid(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
  }
  if ((endMs - startMs) / stepMs > stepsMax) {
    throw new UserError('bad_data', {
      what: 'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    })
  }
  return { startMs, endMs, stepMs }
}
