// SPDX-License-Identifier: Apache-2.0
// Clients at a steady rate, for faults to fall into: connections that are kept, connections for one request, uploads
// that take a while, and HTTP/2 sessions of some seconds. Every request has an id of its own, RUN-KIND-NUMBER.
//   node steady.js RUN RATE SECONDS LOG ORIGIN1 ORIGIN2 [KIND...]
// ORIGIN: an address, or an IPv6 address in brackets. LOG gets a line of JSON for each request: id, kind, sent and answered
// (seconds since 1970; answered is null if none came), status, since (when its connection began), port (the client's).
// After SECONDS, or at SIGTERM, it sends nothing more; it ends when all is answered, or 10 s later.
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');

const [run, rate, , path, origin1, origin2, ...only] = process.argv.slice(2);
let seconds = Number(process.argv[4]);
const log = fs.openSync(path, 'a');
const KINDS = only.length ? only : ['keep', 'keep', 'keep', 'keep', 'new', 'new', 'post', 'upload', 'h2', 'h2'];
const UPLOAD = 200000;
const UPLOAD_PARTS = 10;
const UPLOAD_PAUSE_MS = 50;
const SESSION_S = 4;  // that an HTTP/2 session lasts
const HTTP2 = [[origin1, 8080], [origin2, 8081]];
const agents = [1, 2].map(() => new http.Agent({keepAlive: true, maxSockets: 8}));
const now = () => Date.now() / 1000;
let count = 0;
let open = 0;
let stopping = false;

function record(entry, status) {
  if (entry.done) return;
  entry.done = true;
  open -= 1;
  fs.writeSync(log, JSON.stringify({
    id: entry.id, kind: entry.kind, sent: entry.sent, answered: status ? now() : null, status: status || 0,
    since: entry.since || entry.sent, port: entry.port || 0,
  }) + '\n');
  if (stopping && open === 0) process.exit(0);
}

function host(origin) {
  return origin.replace(/[[\]]/g, '');
}

function overHttp1(entry, which) {
  const origin = which ? origin2 : origin1;
  const hasBody = entry.kind === 'post' || entry.kind === 'upload';
  const length = entry.kind === 'upload' ? UPLOAD : 300;
  const headers = {'x-lab-id': entry.id, host: 'shop.example.com', 'user-agent': 'steady/1'};
  if (hasBody) headers['content-length'] = length;
  if (entry.kind === 'new') headers.connection = 'close';
  const request = http.request({
    host: host(origin), port: 80, path: `/${entry.kind}/${entry.number}?q=steady`, method: hasBody ? 'POST' : 'GET', headers,
    agent: entry.kind === 'new' ? false : agents[which],
  });
  request.on('socket', (socket) => {
    const note = () => {
      if (!socket.since) socket.since = now();
      entry.since = socket.since;
      entry.port = socket.localPort;
    };
    if (socket.connecting) socket.once('connect', note); else note();
  });
  request.on('response', (response) => {
    response.resume();
    response.on('end', () => record(entry, response.statusCode));
    response.on('error', () => record(entry, 0));
  });
  request.on('error', () => record(entry, 0));
  if (entry.kind !== 'upload') {
    request.end(hasBody ? 'b'.repeat(length) : undefined);
    return;
  }
  let left = UPLOAD_PARTS;
  const part = () => {
    if (entry.done) return;
    request.write(Buffer.alloc(UPLOAD / UPLOAD_PARTS, 'u'));
    left -= 1;
    if (left) setTimeout(part, UPLOAD_PAUSE_MS); else request.end();
  };
  part();
}

const sessions = [null, null];
function session(which) {
  let found = sessions[which];
  if (!found || found.closed || found.destroyed || now() - found.labSince > SESSION_S) {
    if (found) found.close();
    const [origin, port] = HTTP2[which];
    found = http2.connect(`http://${origin}:${port}`);
    found.labSince = now();
    found.on('error', () => {});
    sessions[which] = found;
  }
  return found;
}

function overHttp2(entry, which) {
  const to = session(which);
  entry.since = to.labSince;
  const hasBody = entry.number % 2 === 0;
  const stream = to.request({
    ':path': `/h2/${entry.number}`, ':method': hasBody ? 'POST' : 'GET', 'x-lab-id': entry.id, 'user-agent': 'steady/1',
  }, {endStream: !hasBody});
  let status = 0;
  stream.on('response', (headers) => {
    status = headers[':status'];
    entry.port = to.socket ? to.socket.localPort : 0;
  });
  stream.on('error', () => record(entry, 0));
  stream.on('end', () => record(entry, status));
  stream.on('close', () => record(entry, status));
  stream.resume();
  if (hasBody) stream.end('h'.repeat(200));
}

function send() {
  const kind = KINDS[count % KINDS.length];
  const entry = {id: `${run}-${kind}-${count}`, kind, number: count, sent: now()};
  const which = Math.floor(count / KINDS.length) % 2;
  count += 1;
  open += 1;
  if (kind === 'h2') overHttp2(entry, which); else overHttp1(entry, which);
}

const began = Date.now();
function tick() {
  const elapsed = (Date.now() - began) / 1000;
  const due = Math.min(elapsed, seconds) * Number(rate);
  while (count < due && open < 2000) send();
  if (elapsed < seconds) return;
  clearInterval(timer);
  stopping = true;
  if (open === 0) process.exit(0);
  setTimeout(() => process.exit(0), 10000);
}
const timer = setInterval(tick, 5);
process.on('SIGTERM', () => { seconds = 0; });
