// Section `identity` of the configuration: certificates of clusters, and TLS of the listener.

import Type from 'typebox'
import { closed, duration, flag, text } from './config-sections.ts'

/** Section of the configuration. */
export const tls = Type.Object(
  {
    certFile: text('', "The listener's certificate chain (PEM); read again when it changes."),
    keyFile: text('', 'Its key (PEM).'),
  },
  closed,
)

/** Section of the configuration. */
export const identity = Type.Object(
  {
    enabled: flag(
      'Keep a CA below the data folder, listen with TLS, and let clusters write with certificates of their own.',
    ),
    serverNames: Type.Array(Type.String(), {
      default: [],
      description:
        'Host names and addresses of the certificate that the CA issues for the listener; unused with http.tls.',
    }),
    lifetime: duration('30d', 'How long certificates of clusters hold.'),
    proxyHeader: text(
      '',
      'Header in which a proxy that ends TLS hands on the client certificate (URL-encoded PEM); empty = none.',
    ),
    proxyAddresses: Type.Array(Type.String(), {
      default: [],
      description: 'Addresses of proxies whose proxyHeader is believed.',
    }),
  },
  closed,
)
