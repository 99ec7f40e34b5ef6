// Client certificates behind a proxy that ends TLS: in a header, and only from the proxies that are named.

import { UserError } from '../model/index.ts'
import * as x509 from './x509.ts'

const headerSizeMax = 16 * 1024

/** The certificate (DER) in a header of URL-encoded PEM. Throws UserError unauthorized where it is none. */
export function certificateInHeader(value: string): Uint8Array {
  if (value.length <= headerSizeMax) {
    try {
      return new Uint8Array(x509.PemConverter.decodeFirst(decodeURIComponent(value)))
    } catch {
      // Said below.
    }
  }
  throw new UserError('unauthorized', {
    what: 'the header of the proxy holds no client certificate',
    fix: 'have the proxy send URL-encoded PEM, such as nginx has in $ssl_client_escaped_cert',
  })
}
