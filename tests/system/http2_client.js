// SPDX-License-Identifier: Apache-2.0
// Node's HTTP/2 client: what the command-line clients can't do. Prints how many requests it sent whole, how many of
// those were tunnels, and how many requests it cancelled.
//   node http2_client.js ADDRESS PORT BYTES_OF_A_LARGE_BODY
'use strict';
const http2 = require('http2');
const {once} = require('events');

const [address, port, large] = process.argv.slice(2);
const authority = 'shop.example.com';
const sent = {requests: 0, tunnels: 0, cancelled: 0};

async function connect(options) {
  const session = http2.connect(`http://${address}:${port}`, options);
  await once(session, 'remoteSettings');
  return session;
}

function open(session, fields, options) {
  return session.request({':authority': authority, ...fields}, options);
}

async function answered(stream) {
  const [headers] = await once(stream, 'response');
  if (headers[':status'] !== 200) throw new Error(`answered with ${headers[':status']}`);
  stream.resume();
  await once(stream, 'close');
}

// Sends the parts of the body one by one; none at all, and HEADERS end the stream.
async function send(session, fields, parts = [], trailers = undefined) {
  sent.requests++;
  const stream = open(session, fields, {endStream: parts.length === 0, waitForTrailers: trailers !== undefined});
  if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const part of parts) await new Promise((written) => stream.write(part, written));
  if (parts.length) stream.end();
  await answered(stream);
}

function get(session, path, fields = {}) {
  return send(session, {':path': path, ...fields});
}

function post(session, path, parts, fields = {}, trailers = undefined) {
  return send(session, {':method': 'POST', ':path': path, ...fields}, parts, trailers);
}

async function plain(session) {
  await get(session, '/node');
  await get(session, '/node?q=%27%20OR%201=1--', {
    'cookie': ['session=0123456789abcdef', 'theme=dark', 'cart=3; seen=1'], 'x-twice': ['first', 'second'],
    'x-empty': '', 'authorization': 'Bearer secret', 'x-latin': 'K\u00e4se',
    [http2.sensitiveHeaders]: ['authorization', 'cookie'],
  });
  for (const method of ['HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'M-SEARCH']) {
    await get(session, '/node/method', {':method': method});
  }
  await send(session, {':method': 'PUT', ':path': '/node/put'}, ['level=7']);
}

async function bodies(session) {
  const body = Uint8Array.from({length: Number(large)}, (_, index) => index * 31 ^ index >> 8);
  await post(session, '/node/length', [body], {'content-length': body.length});
  await post(session, '/node/no-length', ['first,', 'second,', 'third']);
  await post(session, '/node/empty-data', ['']);
  await post(session, '/node/trailers', ['body'], {'trailer': 'x-digest'}, {'x-digest': 'abc', 'x-other': ['1', '2']});
  await post(session, '/node/only-trailers', [''], {}, {'x-digest': 'none'});
}

// Their DATA frames come in turns, as none fits the stream's window.
async function atOnce(session) {
  await Promise.all(Array.from({length: 100}, (_, number) => {
    const body = Buffer.alloc(1 + number * Math.ceil(large / 370), `${number} `);
    return post(session, `/node/at-once/${number}`, [body], {'x-number': number});
  }));
}

// More than a frame holds: HEADERS and CONTINUATION frames. Then small ones with what is left in the table.
async function largeFields(session) {
  const fields = {};
  for (let number = 0; number < 12; number++) fields[`x-large-${number}`] = `${number}`.repeat(1200 + 150 * number);
  for (const path of ['/node/large', '/node/large-again']) await get(session, path, fields);
  await post(session, '/node/large-trailers', ['body'], {}, {'x-trailer': 'T'.repeat(20_000)});
  await get(session, '/node/after-large', {'x-large-0': fields['x-large-0']});
}

// The server's table grows, shrinks, and is none at all; our encoder says so in its next header section.
async function tableSizes(session) {
  for (const size of [0, 65536, 100, 4096, 16384, 0, 1, 8192]) {
    const told = once(session, 'remoteSettings');
    await get(session, `/table-size?is=${size}`, {'x-repeated': 'the same each time', 'x-size': size});
    await told;
    for (const turn of [1, 2]) await get(session, `/node/table/${size}/${turn}`, {'x-repeated': 'the same each time'});
  }
}

async function tunnel(session, fields, data) {
  const stream = open(session, {':method': 'CONNECT', ...fields}, {endStream: false});
  sent.requests++;
  sent.tunnels++;
  await once(stream, 'response');
  stream.write(data);
  const [echo] = await once(stream, 'data');
  if (!echo.equals(data)) throw new Error('the tunnel changed the data');
  stream.resume();
  stream.end();
  await once(stream, 'close');
}

async function tunnels(session) {
  const message = Buffer.from('818537fa213d7f9f4d5158', 'hex');  // the masked "Hello" of RFC 6455
  await tunnel(session, {':protocol': 'websocket', ':scheme': 'http', ':path': '/node/chat?room=1',
    'sec-websocket-version': '13', 'origin': 'http://shop.example.com'}, message);
  await get(session, '/node/beside-a-tunnel');
  await tunnel(session, {':authority': 'db.example.com:5432'}, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
}

async function cancels(session) {
  // close() would end the request before it cancels it, if it could: so more is written than the window takes.
  for (const fields of [{'content-length': 100_000}, {}]) {
    const stream = open(session, {':method': 'POST', ':path': '/held', ...fields});
    sent.cancelled++;
    stream.write(Buffer.alloc(10_000, 'half'));
    await once(stream, 'response');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await once(stream, 'close');
  }
  // The answer is cancelled; the request was whole before.
  const stream = open(session, {':path': '/held'});
  sent.requests++;
  await once(stream, 'response');
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await once(stream, 'close');
  await get(session, '/node/after-cancels');
}

async function main() {
  for (const [what, options] of [
    [plain], [bodies], [atOnce], [largeFields, {maxSendHeaderBlockLength: 1 << 20}],
    [tableSizes, {maxDeflateDynamicTableSize: 65536}], [tunnels], [cancels],
  ]) {
    const session = await connect(options);
    try {
      await what(session);
    } catch (error) {
      throw new Error(`${what.name}: ${error.message}`, {cause: error});
    }
    session.close();
    await once(session, 'close');
  }
  console.log(JSON.stringify(sent));
}

setTimeout(() => { throw new Error('not within 20 s'); }, 20_000).unref();
main();
