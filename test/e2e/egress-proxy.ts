// An egress proxy (CONNECT only), and a TLS door with a certificate of its own before a plain HTTP server: what stands
// between a gateway in a closed network and its object store.
import 'reflect-metadata'
import { createServer as createHttp, request } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import {
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** A server that listens on loopback. */
export interface Listening {
  readonly port: number
  close(): void
}

/** Passes connections on to `targetPort`, whatever host they ask for; `asked` are the hosts. */
export async function startEgressProxy(
  targetPort: number,
): Promise<Listening & { readonly asked: readonly string[] }> {
  const asked: string[] = []
  const server = createHttp((_request, response) => void response.writeHead(405).end())
  server.on('connect', (head, socket: Socket) => {
    asked.push(head.url!)
    const target = connect(targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
    target.on('error', () => socket.destroy())
    socket.on('error', () => target.destroy())
  })
  return { ...(await listen(server)), asked }
}

/** A TLS server for `host` that passes requests on to the HTTP server `origin`; `certificate` is its own, as PEM. */
export async function startTlsDoor(
  host: string,
  origin: string,
): Promise<Listening & { readonly certificate: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${host}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  })
  const cert = certificate.toString('pem')
  const key = PemConverter.encode(
    await crypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  )
  const server = createHttps({ cert, key }, (incoming, response) => {
    const { method, url, headers } = incoming
    const onward = request(new URL(url!, origin), { method: method!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  })
  return { ...(await listen(server)), certificate: cert }
}

async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
