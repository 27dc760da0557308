// SPDX-License-Identifier: Apache-2.0
// What stands in front of Google's services, before the emulators: a CONNECT
// proxy whose every tunnel ends here, TLS with HTTP/2, refusals of requests without a
// token, gzip. It remembers what came, and tells it to the test.
//   node google_front.js CERT KEY '{"pubsub":"127.0.0.1:1","bigquery":"127.0.0.1:2"}'
// The first line on stdout is its port. On that port, in plain HTTP:
//   GET /seen     the requests so far
//   PUT /control  {"refuse": N}: the next N requests with a token get a 401, too
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const zlib = require('node:zlib');

const [cert, key, routes] = process.argv.slice(2);
const targets = JSON.parse(routes);
const seen = [];
let refuse = 0;

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length']);

function refusal(res) {
  const body = JSON.stringify({error: {code: 401, status: 'UNAUTHENTICATED',
    message: 'Request had invalid authentication credentials.', errors: [{reason: 'authError'}]}});
  res.writeHead(401, {'content-type': 'application/json'});
  res.end(body);
}

function forward(req, res, body) {
  const host = req.authority || req.headers.host || '';
  const target = targets[host.split('.')[0]];
  if (!target) {
    res.writeHead(404);
    res.end();
    return;
  }
  const [name, port] = target.split(':');
  const headers = {};
  for (const [field, value] of Object.entries(req.headers)) {
    if (!field.startsWith(':') && !HOP.has(field)) headers[field] = value;
  }
  headers['content-length'] = body.length;
  const out = http.request({host: name, port, method: req.method, path: req.url, headers}, (answer) => {
    const parts = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('end', () => {
      let bytes = Buffer.concat(parts);
      const fields = {};
      for (const [field, value] of Object.entries(answer.headers)) {
        if (!HOP.has(field)) fields[field] = value;
      }
      if (/\bgzip\b/.test(req.headers['accept-encoding'] || '') && !fields['content-encoding'] && bytes.length) {
        bytes = zlib.gzipSync(bytes);
        fields['content-encoding'] = 'gzip';
      }
      res.writeHead(answer.statusCode, fields);
      res.end(bytes);
    });
  });
  out.on('error', () => {
    res.writeHead(502);
    res.end();
  });
  res.on('close', () => out.destroy());
  out.end(body);
}

function serve(req, res) {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    const body = Buffer.concat(parts);
    const bearer = (req.headers.authorization || '').replace(/^Bearer /, '');
    const refused = !bearer || refuse > 0;
    if (bearer && refuse > 0) refuse -= 1;
    seen.push({host: req.authority || req.headers.host, http: req.httpVersion, method: req.method, path: req.url, bearer,
      refused, payer: req.headers['x-goog-user-project'] || null, packed: req.headers['content-encoding'] || null,
      accepts: req.headers['accept-encoding'] || null, bytes: body.length});
    if (refused) refusal(res);
    else forward(req, res, body);
  });
}

const secure = http2.createSecureServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true}, serve);
secure.on('sessionError', () => {});
secure.on('tlsClientError', () => {});
const proxy = http.createServer((req, res) => {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    if (req.method === 'PUT') ({refuse} = JSON.parse(Buffer.concat(parts)));
    const body = JSON.stringify(seen);
    res.writeHead(200, {'content-type': 'application/json', 'content-length': Buffer.byteLength(body)});
    res.end(body);
  });
});
proxy.on('connect', (req, socket) => {
  socket.on('error', () => {});
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  secure.emit('connection', socket);
});
proxy.listen(0, '127.0.0.1', () => console.log(proxy.address().port));
// a test that died leaves nobody behind
process.stdin.on('end', () => process.exit(0)).resume();
