// thanos.info.Info: tells a Thanos querier what else it may ask for here.
// Source: facts/thanos.md §1.5: a capability is a message that is there.

import type { sendUnaryData } from '@grpc/grpc-js'
import { thanos } from '../encoding/index.ts'
import { methodOf, type RpcService } from './rpc-server.ts'

/** What this process offers. */
export interface OfferedInfo {
  readonly externalLabels: Readonly<Record<string, string>>
  readonly hasRules: boolean
}

/** Answers with what `offered` says at the time. */
export function infoService(offered: () => OfferedInfo): RpcService {
  const { InfoRequest, InfoResponse } = thanos.info
  return {
    definition: {
      Info: methodOf<unknown, thanos.info.IInfoResponse>('/thanos.info.Info/Info', false, {
        decode: (bytes) => InfoRequest.decode(bytes),
        encode: (response) => InfoResponse.encode(response),
      }),
    },
    handlers: {
      Info(_call: unknown, callback: sendUnaryData<thanos.info.IInfoResponse>) {
        callback(null, responseOf(offered()))
      },
    },
  }
}

function responseOf({ externalLabels, hasRules }: OfferedInfo) {
  const labels = Object.entries(externalLabels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }))
  return {
    labelSets: labels.length === 0 ? [] : [{ labels }],
    componentType: 'rule',
    ...(hasRules ? { rules: {} } : {}),
  }
}
