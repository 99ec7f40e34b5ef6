// Compression of answers: what is compressed, how, and what is left alone.
import { Readable } from 'node:stream'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { compressAnswers } from '../../src/api/compression.ts'
import { compressedSizeBytesMin } from '../../src/query/index.ts'

const long = JSON.stringify({ text: 'a fleet of clusters '.repeat(compressedSizeBytesMin / 10) })
let destroyed = false
const app = fastify()
compressAnswers(app)
app.get('/json', async (_request, reply) => reply.type('application/json').send(long))
app.get('/bytes', async (_request, reply) => reply.type('text/plain').send(Buffer.from(long)))
app.get('/varied', async (_request, reply) =>
  reply.headers({ vary: 'accept, authorization' }).type('application/json').send(long),
)
app.get('/short', async () => ({ text: 'short' }))
app.get('/empty', async (_request, reply) => reply.code(204).send())
app.get('/stream', async (_request, reply) =>
  reply.type('application/json').send(Readable.from([long.slice(0, 9), long.slice(9)])),
)
app.get('/events', async (_request, reply) =>
  reply.type('text/event-stream; charset=utf-8').send(Readable.from([long])),
)
app.get('/packed', async (_request, reply) =>
  reply.headers({ 'content-encoding': 'snappy' }).type('application/json').send(long),
)
app.get('/broken', async (_request, reply) => {
  const source = new Readable({
    read() {
      this.push('[')
      this.destroy(new Error('the source broke'))
    },
    destroy(error, done) {
      destroyed = true
      done(error)
    },
  })
  return reply.type('application/json').send(source)
})

function ask(url: string, accepted: string | undefined) {
  return app.inject({ url, headers: accepted === undefined ? {} : { 'accept-encoding': accepted } })
}

describe('answers', () => {
  it.each(['/json', '/bytes', '/stream'])(
    'of %s come in the coding that the reader prefers',
    async (url) => {
      const gzip = await ask(url, 'gzip, deflate')
      expect(gzip.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
      expect(gunzipSync(gzip.rawPayload).toString()).toBe(long)
      const zstd = await ask(url, 'gzip, zstd')
      expect(zstd.headers['content-encoding']).toBe('zstd')
      expect(zstdDecompressSync(zstd.rawPayload).toString()).toBe(long)
      const length = gzip.headers['content-length']
      if (length !== undefined) expect(Number(length)).toBe(gzip.rawPayload.length)
    },
  )

  it('depend on what the route says they depend on, too', async () => {
    const { headers } = await ask('/varied', 'gzip')
    expect(headers.vary).toBe('accept, authorization, accept-encoding')
  })

  it.each([
    ['/json', undefined],
    ['/json', 'br'],
    ['/json', 'gzip;q=0'],
    ['/short', 'gzip'],
    ['/events', 'gzip'],
  ])('of %s stay as they are where the reader accepts %s', async (url, accepted) => {
    const answer = await ask(url, accepted)
    expect(answer.headers['content-encoding']).toBeUndefined()
    expect(answer.body).toBe(url === '/short' ? '{"text":"short"}' : long)
  })

  it('that have a coding, or nothing in them, are left alone', async () => {
    const packed = await ask('/packed', 'gzip')
    expect([packed.headers['content-encoding'], packed.body]).toEqual(['snappy', long])
    const empty = await ask('/empty', 'gzip')
    expect([empty.statusCode, empty.body]).toEqual([204, ''])
  })

  it('whose source breaks end broken, and the source is let go', async () => {
    await ask('/broken', 'gzip').catch(() => undefined)
    expect(destroyed).toBe(true)
  })
})
