// SPDX-License-Identifier: Apache-2.0
// The official Node client (gRPC) against the emulator. Runs inside
// `datos dev -- ...` (see tests/run), which sets the environment.
'use strict';
const assert = require('node:assert');
const {test} = require('node:test');
const {PubSub} = require('@google-cloud/pubsub');

const project = process.env.GOOGLE_CLOUD_PROJECT;
const limit = {timeout: 60000};

// Waits for the row of one id.
async function row(id) {
  for (const end = Date.now() + 20000; Date.now() < end;) {
    const answer = await fetch(`${process.env.DATOS_API_URL}/datos?id=${id}`);
    const {datos} = await answer.json();
    if (datos.length) return datos;
    await new Promise(done => setTimeout(done, 5));
  }
  throw new Error(`${id} does not appear`);
}

test('published row appears', limit, async () => {
  const client = new PubSub({projectId: project});
  const sent = {id: 'node-1', contenido: 'desde Node', timestamp: '2025-01-14T12:00:00Z'};
  assert.ok(await client.topic('datos-topic').publishMessage({json: sent}));
  assert.deepStrictEqual(await row('node-1'), [{...sent, timestamp: '2025-01-14T12:00:00+00:00'}]);
  await client.close();
});

test('subscriber receives all that was published, once acknowledged', limit, async () => {
  const client = new PubSub({projectId: project});
  const [topic] = await client.createTopic('node-topic');
  const [subscription] = await topic.createSubscription('node-subscription');
  const n = 300;
  const seen = new Set();
  const all = new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', message => {
      assert.strictEqual(message.data.toString(), message.attributes.n);
      message.ack();
      seen.add(message.data.toString());
      if (seen.size === n) resolve();
    });
  });
  const ids = await Promise.all(Array.from({length: n}, (_, i) =>
    topic.publishMessage({data: Buffer.from(`${i}`), attributes: {n: `${i}`}})));
  assert.strictEqual(new Set(ids).size, n);
  await all;
  await subscription.close();
  await subscription.delete();
  await topic.delete();
  await client.close();
});

test('refused message is dead-lettered with its reason', limit, async () => {
  const client = new PubSub({projectId: project});
  await client.topic('datos-topic').publishMessage({data: Buffer.from('{'), attributes: {origin: 'node'}});
  const subscription = client.subscription('datos-dead-letter-subscription');
  const message = await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', m => {
      m.ack();
      if (m.attributes.origin === 'node') resolve(m);
    });
  });
  assert.strictEqual(message.data.toString(), '{');
  assert.strictEqual(message.attributes['datos-error'], 'malformed');
  await subscription.close();
  await client.close();
});

test('errors carry the codes of gRPC', limit, async () => {
  const client = new PubSub({projectId: project});
  await assert.rejects(client.subscription('no-such').getMetadata(), {code: 5});
  await assert.rejects(client.createTopic('datos-topic'), {code: 6});
  await client.close();
});
