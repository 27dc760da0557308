// SPDX-License-Identifier: Apache-2.0
// The official Node client of BigQuery against the emulator.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {test} = require('node:test');
const {BigQuery} = require('@google-cloud/bigquery');
const {OAuth2Client} = require('google-auth-library');

const limit = {timeout: 60000, skip: !process.env.BIGQUERY_EMULATOR_HOST && 'BIGQUERY_EMULATOR_HOST is not set'};

// Any token will do; without one this client looks for a metadata server.
function newClient() {
  const authClient = new OAuth2Client();
  authClient.setCredentials({access_token: 'any'});
  return new BigQuery({projectId: process.env.GOOGLE_CLOUD_PROJECT, authClient});
}

async function withDataset(name, run) {
  const client = newClient();
  const [dataset] = await client.createDataset(`node_${name}`);
  try {
    await run(client, dataset);
  } finally {
    await dataset.delete({force: true});
  }
}

test('inserted rows are queried', limit, () => withDataset('rows', async (client, dataset) => {
  const [table] = await dataset.createTable('t', {
    schema: [
      {name: 'id', type: 'STRING', mode: 'REQUIRED'}, {name: 'n', type: 'INT64'},
      {name: 'at', type: 'TIMESTAMP'}, {name: 'bytes', type: 'BYTES'},
      {name: 'list', type: 'STRING', mode: 'REPEATED'}, {name: 'when', type: 'DATETIME'}],
    timePartitioning: {type: 'DAY', field: 'at'},
  });
  const now = new Date();
  await table.insert([
    {id: 'a', n: 1, at: now, bytes: Buffer.from('x'), list: ['q'], when: client.datetime('2026-01-02 03:04:05')},
    {id: 'b', n: null}]);
  const [rows] = await client.query({
    query: 'SELECT * FROM node_rows.t WHERE id >= @id ORDER BY id', params: {id: 'a'}});
  assert.strictEqual(rows.length, 2);
  assert.strictEqual(rows[0].at.value, now.toISOString());
  assert.deepStrictEqual(rows[0].bytes, Buffer.from('x'));
  assert.strictEqual(rows[0].when.value, '2026-01-02T03:04:05');
  assert.deepStrictEqual({...rows[1]}, {id: 'b', n: null, at: null, bytes: null, list: [], when: null});
}));

test('refused rows are told', limit, () => withDataset('refused', async (client, dataset) => {
  const [table] = await dataset.createTable('t', {schema: 'id'});
  await assert.rejects(table.insert([{id: 'a', extra: 1}, {id: 'b'}]), error => {
    assert.strictEqual(error.name, 'PartialFailureError');
    assert.deepStrictEqual(error.errors.map(e => e.errors[0].reason), ['invalid', 'stopped']);
    return true;
  });
}));

test('positional parameters, empty arrays, NULL', limit, async () => {
  const [[row]] = await newClient().query({
    query: 'SELECT ? + 1 AS n, ? AS list, CAST(NULL AS STRING) AS nothing, [] AS none', params: [5, ['a', 'b']]});
  assert.deepStrictEqual({...row}, {n: 6, list: ['a', 'b'], nothing: null, none: []});
});

test('a stream of results goes over pages', limit, async () => {
  let n = 0;
  const stream = newClient().createQueryStream({
    query: 'SELECT n FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS n ORDER BY n', maxResults: 1000});
  for await (const row of stream) assert.strictEqual(row.n, ++n);
  assert.ok(n >= 1000);
});

test('errors have their status and reason', limit, () => withDataset('errors', async (client, dataset) => {
  await assert.rejects(client.createDataset('node_errors'), {code: 409});
  await assert.rejects(client.query('SELEC 1'), {code: 400});
  await assert.rejects(client.query('SELECT * FROM node_errors.no'), {code: 404});
  assert.deepStrictEqual(await dataset.table('no').exists(), [false]);
}));

test('a stream of rows is read page by page', limit, async () => {
  const stream = newClient().createQueryStream({query: 'SELECT n FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS n ORDER BY n'});
  let last = 0;
  for await (const row of stream) assert.strictEqual(row.n, ++last);
  assert.strictEqual(last, 25000);
});

test('a stream of rows is written', limit, () => withDataset('stream', async (client, dataset) => {
  const [table] = await dataset.createTable('t', {schema: 'id:string,n:integer'});
  const sink = table.createWriteStream({sourceFormat: 'NEWLINE_DELIMITED_JSON'});
  const done = new Promise((resolve, reject) => sink.on('complete', resolve).on('error', reject));
  sink.end('{"id":"x","n":3}\n');
  await done;
  let n = 0;
  for await (const row of table.createReadStream()) assert.deepStrictEqual([row, ++n], [{id: 'x', n: 3}, 1]);
  assert.strictEqual(n, 1);
}));

test('a file is loaded', limit, t => withDataset('load', async (client, dataset) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'datos-'));
  t.after(() => fs.rmSync(folder, {recursive: true}));
  const file = path.join(folder, 'rows.json');
  fs.writeFileSync(file, '{"id":"a","n":1}\n{"id":"b"}\n');
  const [job] = await dataset.table('t').load(file, {sourceFormat: 'NEWLINE_DELIMITED_JSON', autodetect: true});
  assert.strictEqual(job.status.state, 'DONE');
  assert.strictEqual(job.statistics.load.outputRows, '2');
  assert.strictEqual((await dataset.table('t').getRows())[0].length, 2);
}));

test('metadata: set, read back', limit, () => withDataset('meta', async (client, dataset) => {
  const [table] = await dataset.createTable('t', {schema: 'id', labels: {a: 'b'}});
  await table.setMetadata({description: 'x'});
  const [metadata] = await table.getMetadata();
  assert.strictEqual(metadata.description, 'x');
  assert.deepStrictEqual(metadata.labels, {a: 'b'});
}));
