// SPDX-License-Identifier: Apache-2.0
// Node's HTTP/2 server, in cleartext. It answers 200 and writes each request down as a line of JSON.
//   node http2_server.js PORT LOG
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');

const [port, path] = process.argv.slice(2);
const log = fs.openSync(path, 'a');
const server = http2.createServer({settings: {
  enableConnectProtocol: true, initialWindowSize: 8192, maxHeaderListSize: 1 << 20,
}});

function pairs(raw) {
  return Array.from({length: raw.length / 2}, (_, field) => raw.slice(2 * field, 2 * field + 2));
}

server.on('stream', (stream, headers, flags, raw) => {
  const {remoteAddress, remotePort} = stream.session.socket;
  const entry = {peer: [remoteAddress.replace('::ffff:', ''), remotePort], fields: pairs(raw), trailers: []};
  const hash = crypto.createHash('sha256');
  const url = new URL(headers[':path'] || '/', 'http://server');
  const isTunnel = headers[':method'] === 'CONNECT';
  entry.length = 0;
  stream.on('trailers', (_fields, _flags, rawTrailers) => { entry.trailers = pairs(rawTrailers); });
  stream.on('error', () => {});
  stream.on('close', () => {
    // A cancelled request has an 'end', too; only the code tells it from a whole one.
    entry.whole = isTunnel || stream.endAfterHeaders || stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
    entry.sha256 = hash.digest('hex');
    fs.writeSync(log, JSON.stringify(entry) + '\n');
  });
  if (isTunnel) {
    stream.respond();
    stream.pipe(stream);
    return;
  }
  if (url.pathname === '/held') {  // nothing more is answered, nor read: the request can't end beyond its window
    stream.respond();
    return;
  }
  stream.on('data', (data) => {
    entry.length += data.length;
    hash.update(data);
  });
  stream.on('end', () => {
    if (url.pathname === '/table-size') stream.session.settings({headerTableSize: Number(url.searchParams.get('is'))});
    if (stream.destroyed) return;
    stream.respond();
    stream.end('ok\n');
  });
});
server.listen(Number(port), '::');
