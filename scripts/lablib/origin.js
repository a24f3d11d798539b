// SPDX-License-Identifier: Apache-2.0
// The Node origin: HTTP/1.1 on one port, HTTP/2 in cleartext and gRPC on another. It answers 200 when it has the whole
// request, and writes each down as a line of JSON; origins.py says which.
//   node origin.js PORT H2C_PORT LOG
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');

const [port, h2cPort, path] = process.argv.slice(2);
const log = fs.createWriteStream(path, {flags: 'a'});

function answer(request, response) {
  const began = Date.now();
  let length = 0;
  let whole = false;
  const {remoteAddress, remotePort} = request.socket;
  const peer = `${(remoteAddress || '').replace('::ffff:', '')}:${remotePort}`;
  const isGrpc = (request.headers['content-type'] || '').startsWith('application/grpc');
  request.on('data', (data) => { length += data.length; });
  request.on('error', () => {});
  response.on('error', () => {});
  const write = () => log.write(JSON.stringify({
    ts: Date.now() / 1000, took: (Date.now() - began) / 1000, id: request.headers['x-lab-id'] || '',
    method: request.method, uri: request.url,
    protocol: `HTTP/${request.httpVersion}`, peer, status: 200, body: String(length), whole,
  }) + '\n');
  request.on('close', () => { if (!whole) write(); });
  request.on('end', () => {
    whole = true;
    write();
    if (isGrpc) {
      response.writeHead(200, {'content-type': 'application/grpc'});
      response.addTrailers({'grpc-status': '0'});
      response.end(Buffer.alloc(5));  // one message, empty
    } else {
      response.end('ok\n');
    }
  });
}

const server = http.createServer({maxHeaderSize: 1 << 18, keepAliveTimeout: 300000, requestTimeout: 0}, answer);
server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
server.on('clientError', (error, socket) => socket.destroy());
server.listen(Number(port), '::', 4096);
const h2c = http2.createServer({settings: {maxConcurrentStreams: 1000}}, answer);
h2c.on('sessionError', () => {});
h2c.listen(Number(h2cPort), '::', 4096);
