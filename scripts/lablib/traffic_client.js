// SPDX-License-Identifier: Apache-2.0
// Node's clients: requests that are pipelined, kept alive, streamed; and sessions of HTTP/2. Prints how many requests were
// sent and how many answered with 200.
//   node traffic_client.js RUN SECONDS RATE PORT H2C_PORT ADDRESS...   the last address has HTTP/2
'use strict';
const http = require('http');
const http2 = require('http2');
const net = require('net');
const {once} = require('events');

const [run, seconds, rate, port, h2cPort, ...addresses] = process.argv.slice(2);
const host = 'shop.example.com';
const agent = new http.Agent({keepAlive: true, maxSockets: 4});
const until = Date.now() + seconds * 1000;
const count = {sent: 0, answered: 0};
const errors = [];

function next() {
  count.sent++;
  return `${run}-node-${count.sent}`;
}

function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

// One request of the kept-alive agent; the parts of a body are sent one by one, and so in chunks.
async function ask(address, method, path, parts = [], fields = {}) {
  const request = http.request({host: address, port, method, path, agent, headers: {'Host': host, 'X-Lab-Id': next(), ...fields}});
  const answer = once(request, 'response');
  answer.catch(() => {});
  for (const part of parts) {
    request.write(part);
    await sleep(3);
  }
  request.end();
  const [response] = await answer;
  response.resume();
  await once(response, 'end');
  if (response.statusCode === 200) count.answered++;
}

// Several requests in one write, on one connection; the answers are read after all of them.
async function pipelined(address, number) {
  const socket = net.connect(port, address);
  await once(socket, 'connect');
  let text = '';
  for (let each = 0; each < number; each++) {
    const last = each === number - 1 ? 'Connection: close\r\n' : '';
    const body = each % 2 ? 'a=1&b=2' : '';
    const form = body ? `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n` : '';
    text += `${body ? 'POST' : 'GET'} /pipelined/${each} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: node\r\nX-Lab-Id: ${next()}\r\n` +
        `${form}${last}\r\n${body}`;
  }
  socket.write(text);
  let answers = '';
  socket.on('data', (data) => { answers += data.toString('latin1'); });
  await once(socket, 'close');
  count.answered += answers.split('HTTP/1.1 200').length - 1;
}

async function session(address, number) {
  const client = http2.connect(`http://${address}:${h2cPort}`);
  client.on('error', (error) => errors.push(error.message));
  await Promise.all(Array.from({length: number}, async (_, each) => {
    const post = each % 2 === 1;
    const stream = client.request({':method': post ? 'POST' : 'GET', ':path': `/session/${each}`, ':authority': host,
      'x-lab-id': next(), 'user-agent': 'node', 'accept': '*/*', 'cookie': ['a=1', `b=${each}`],
      ...(post ? {'content-type': 'application/json'} : {})});
    stream.on('error', () => {});
    if (post) stream.write('{"part":1,');
    if (post) await sleep(2);
    stream.end(post ? '"part2":2}' : undefined);
    const [headers] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'close');
    if (headers[':status'] === 200) count.answered++;
  }));
  client.close();
}

// One turn is 18 requests.
async function turn(address) {
  await Promise.all([
    ask(address, 'GET', '/node?a=1'),
    ask(address, 'POST', '/node/streamed', ['first,', 'second,', 'x'.repeat(5000)], {'Content-Type': 'text/plain'}),
    ask(address, 'PUT', '/node/put', ['level=7'], {'Content-Length': 7, 'Content-Type': 'application/x-www-form-urlencoded'}),
    ask(address, 'HEAD', '/node/head'),
    pipelined(address, 6),
    session(addresses[addresses.length - 1], 8),
  ]);
}

async function main() {
  for (let number = 0; Date.now() < until; number++) {
    const due = Date.now() + 18_000 / rate;
    try {
      await turn(addresses[number % addresses.length]);
    } catch (error) {
      errors.push(error.message);
    }
    await sleep(Math.max(0, Math.min(due, until) - Date.now()));
  }
  agent.destroy();
  for (const error of errors.slice(0, 5)) console.error(error);
  console.log(JSON.stringify(count));
}

main();
