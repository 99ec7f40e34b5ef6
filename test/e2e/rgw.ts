// A real S3 server for end-to-end tests: Ceph's RADOS gateway on loopback, with one monitor and one object store
// daemon, all data in memory. Needs Debian's ceph-mon, ceph-osd, radosgw and ceph-common; runs as any user.
// Ports: `port` for S3, the two after it for the monitor.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'

const run = promisify(execFile)
const startMsMax = 60_000

/** A running store. */
export interface Rgw {
  readonly endpoint: string
  readonly accessKey: string
  readonly secretKey: string
  createBucket(name: string): Promise<void>
  /** A client of its own, to be destroyed. */
  client(): S3Client
  /** Takes the gateway away, as an outage does; the objects stay. */
  stopGateway(): Promise<void>
  startGateway(): Promise<void>
  stop(): Promise<void>
}

/** Starts a store; throws where Ceph is not installed. */
export async function startRgw(): Promise<Rgw> {
  const directory = mkdtempSync(join(tmpdir(), 'rgw-'))
  const cluster = new Cluster(directory, await freePorts())
  try {
    await cluster.start()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

class Cluster implements Rgw {
  readonly accessKey = 'demoaccess'
  readonly secretKey = 'demosecret'
  readonly #directory: string
  readonly #port: number
  readonly #environment: NodeJS.ProcessEnv
  readonly #daemons: ChildProcess[] = []
  #gateway: ChildProcess | undefined

  constructor(directory: string, port: number) {
    this.#directory = directory
    this.#port = port
    this.#environment = { ...process.env, CEPH_CONF: join(directory, 'ceph.conf') }
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) mkdirSync(join(this.#directory, name))
    const clusterId = randomUUID()
    const keyring = join(this.#directory, 'keyring')
    const map = join(this.#directory, 'monmap')
    writeFileSync(
      join(this.#directory, 'ceph.conf'),
      configuration(this.#directory, this.#port, clusterId),
    )
    const monitor = `[v2:127.0.0.1:${this.#port + 1},v1:127.0.0.1:${this.#port + 2}]`
    await this.#run('monmaptool', '--create', '--addv', 'a', monitor, '--fsid', clusterId, map)
    await this.#run(
      'ceph-authtool',
      '--create-keyring',
      keyring,
      '--gen-key',
      '-n',
      'mon.',
      ...monCaps,
    )
    for (const name of ['client.admin', 'client.rgw', 'osd.0'])
      await this.#run('ceph-authtool', keyring, '--gen-key', '-n', name, ...allCaps)
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
    this.#daemons.push(this.#spawn('ceph-mon', '-i', 'a', '-f'))
    const store = randomUUID()
    await this.#run('ceph', 'osd', 'new', store)
    await this.#run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', store)
    this.#daemons.push(this.#spawn('ceph-osd', '-i', '0', '-f'))
    await this.startGateway()
    const keys = ['--access-key', this.accessKey, '--secret-key', this.secretKey]
    await this.#run('radosgw-admin', 'user', 'create', '--uid=demo', '--display-name=demo', ...keys)
  }

  async startGateway(): Promise<void> {
    const gateway = this.#spawn('radosgw', '-n', 'client.rgw', '-f')
    this.#gateway = gateway
    const untilMs = Date.now() + startMsMax
    while (!(await answers(`http://${this.endpoint}/`))) {
      if (gateway.exitCode !== null || Date.now() > untilMs)
        throw new Error(`radosgw did not start: ${this.#log('radosgw')}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  async stopGateway(): Promise<void> {
    await ended(this.#gateway)
    this.#gateway = undefined
  }

  async createBucket(name: string): Promise<void> {
    const client = this.client()
    await client.send(new CreateBucketCommand({ Bucket: name }))
    client.destroy()
  }

  client(): S3Client {
    return new S3Client({
      endpoint: `http://${this.endpoint}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: this.accessKey, secretAccessKey: this.secretKey },
    })
  }

  async stop(): Promise<void> {
    await this.stopGateway()
    for (const daemon of this.#daemons.reverse()) await ended(daemon)
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #run(command: string, ...args: readonly string[]): Promise<void> {
    await run(command, args, { env: this.#environment, timeout: startMsMax })
  }

  #spawn(command: string, ...args: readonly string[]): ChildProcess {
    const output = openSync(join(this.#directory, 'log', `${command}.out`), 'a')
    return spawn(command, args, { env: this.#environment, stdio: ['ignore', output, output] })
  }

  #log(command: string): string {
    return readFileSync(join(this.#directory, 'log', `${command}.out`), 'utf8').slice(-2000)
  }
}

const monCaps = ['--cap', 'mon', 'allow *']
const allCaps = ['mon', 'osd', 'mgr'].flatMap((name) => ['--cap', name, 'allow *'])

// cephx stays on, because radosgw hangs without it; tcp_nodelay saves 40 ms a request.
function configuration(directory: string, port: number, clusterId: string): string {
  return `[global]
fsid = ${clusterId}
mon host = v2:127.0.0.1:${port + 1},v1:127.0.0.1:${port + 2}
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = true
keyring = ${directory}/keyring
mon data = ${directory}/mon
osd data = ${directory}/osd
rgw data = ${directory}/rgw
run dir = ${directory}/run
admin socket = ${directory}/run/$name.asok
log file = ${directory}/log/$name.log
mon cluster log file = ${directory}/log/cluster.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.01
osd objectstore = memstore
memstore device bytes = 2147483648
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw thread pool size = 32
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = key-1=${Buffer.alloc(32, 7).toString('base64')}
`
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch {
    return false
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exit
  clearTimeout(force)
}

// Three in a row that are free now; a fixed range would meet other tests on the same machine.
async function freePorts(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all([first, first + 1, first + 2].map(isFree))
    if (free.every((one) => one)) return first
  }
  throw new Error('no three free ports in a row')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
