// SPDX-License-Identifier: Apache-2.0
// What the official Node client notices of Pub/Sub itself: the steps of its
// own system test, against the emulator.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {PubSub} = require('@google-cloud/pubsub');

const limit = {timeout: 60000};
let client;
let number = 0;

before(() => {
  client = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
});
after(() => client.close());

const name = kind => `node-${kind}-${++number}`;
async function topicOf(options) {
  const [topic] = await client.createTopic({name: name('topic'), ...options});
  return topic;
}
async function subscriptionOf(topic, options) {
  const [subscription] = await topic.createSubscription(name('subscription'), options);
  return subscription;
}
const send = (topic, text, more) => topic.publishMessage({data: Buffer.from(text), ...more});

// Messages until `n` were handled; `handle` says how each is settled.
async function receive(subscription, n, handle = message => message.ack()) {
  const found = [];
  await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', message => {
      found.push(message);
      handle(message, found.length);
      if (found.length === n) resolve();
    });
  });
  await subscription.close();
  return found;
}
const texts = messages => messages.map(m => m.data.toString());

test('a topic is made, shown, changed, listed and deleted', limit, async () => {
  const topic = await topicOf({labels: {a: 'b'}});
  assert.deepStrictEqual((await topic.getMetadata())[0].labels, {a: 'b'});
  const [changed] = await topic.setMetadata({labels: {c: 'd'}});
  assert.deepStrictEqual(changed.labels, {c: 'd'});
  const [topics] = await client.getTopics();
  assert.ok(topics.some(t => t.name === topic.name));
  const [page] = await client.getTopics({pageSize: 1, autoPaginate: false});
  assert.strictEqual(page.length, 1);
  assert.deepStrictEqual(await topic.exists(), [true]);
  await topic.delete();
  assert.deepStrictEqual(await topic.exists(), [false]);
});

test('a subscription is made, shown, changed, listed and deleted', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic, {ackDeadlineSeconds: 77, labels: {a: 'b'}});
  const [shown] = await subscription.getMetadata();
  assert.strictEqual(shown.ackDeadlineSeconds, 77);
  assert.strictEqual(shown.topic, topic.name);
  const [changed] = await subscription.setMetadata({ackDeadlineSeconds: 20});
  assert.strictEqual(changed.ackDeadlineSeconds, 20);
  assert.deepStrictEqual(changed.labels, {a: 'b'});
  const [ofTopic] = await topic.getSubscriptions();
  assert.deepStrictEqual(ofTopic.map(s => s.name), [subscription.name]);
  const [all] = await client.getSubscriptions();
  assert.ok(all.some(s => s.name === subscription.name));
  await subscription.delete();
  await assert.rejects(subscription.getMetadata(), {code: 5});
});

test('data and attributes arrive as they were sent', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic);
  const data = Buffer.from(Array.from({length: 256}, (_, i) => i));
  const id = await topic.publishMessage({data, attributes: {key: 'välue'}});
  const [message] = await receive(subscription, 1);
  assert.strictEqual(message.id, id);
  assert.deepStrictEqual(message.data, data);
  assert.deepStrictEqual({...message.attributes}, {key: 'välue'});
  assert.ok(Math.abs(message.publishTime.getTime() - Date.now()) < 60000);
});

test('a nacked message comes again with its attempt', limit, async () => {
  const topic = await topicOf(), dead = await topicOf();
  const subscription = await subscriptionOf(topic,
      {deadLetterPolicy: {deadLetterTopic: dead.name, maxDeliveryAttempts: 5}});
  await send(topic, 'x');
  const got = await receive(subscription, 3, (m, n) => n < 3 ? m.nack() : m.ack());
  assert.deepStrictEqual(got.map(m => m.deliveryAttempt), [1, 2, 3]);
});

test('messages of a key come in order', limit, async () => {
  const topic = await topicOf();
  const ordered = client.topic(topic.name, {messageOrdering: true});
  const subscription = await subscriptionOf(topic, {enableMessageOrdering: true});
  const want = Array.from({length: 200}, (_, i) => `${i}`);
  await Promise.all(want.map(text => send(ordered, text, {orderingKey: 'k'})));
  assert.deepStrictEqual(texts(await receive(subscription, 200)), want);
});

test('no more than maxMessages are at work', limit, async () => {
  const topic = await topicOf();
  const subscription = client.subscription((await subscriptionOf(topic)).name,
      {flowControl: {maxMessages: 3, allowExcessMessages: false}, streamingOptions: {maxStreams: 1}});
  await Promise.all(Array.from({length: 30}, (_, i) => send(topic, `${i}`)));
  let working = 0, most = 0;
  await receive(subscription, 30, message => {
    most = Math.max(most, ++working);
    setTimeout(() => { working--; message.ack(); }, 5);
  });
  assert.ok(most <= 3, `${most}`);
});

test('large messages arrive', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic);
  const data = Buffer.alloc(9_000_000, 'x');
  await topic.publishMessage({data});
  const [message] = await receive(subscription, 1);
  assert.strictEqual(Buffer.compare(message.data, data), 0);
});

test('acknowledgements of exactly-once succeed', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic, {enableExactlyOnceDelivery: true});
  await Promise.all(Array.from({length: 20}, (_, i) => send(topic, `${i}`)));
  const results = [];
  const seen = new Set();
  await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', async message => {
      seen.add(message.id);
      results.push(await message.ackWithResponse());
      if (results.length === 20) resolve();
    });
  });
  await subscription.close();
  assert.strictEqual(seen.size, 20);
  assert.deepStrictEqual(new Set(results), new Set(['SUCCESS']));
});

test('seek to the past and to a snapshot', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic, {retainAckedMessages: true});
  const before = new Date(Date.now() - 1000);
  await send(topic, 'x');
  const [snapshot] = await subscription.createSnapshot(name('snapshot'));
  const again = () => client.subscription(subscription.name);
  assert.deepStrictEqual(texts(await receive(again(), 1)), ['x']);
  await subscription.seek(before);
  assert.deepStrictEqual(texts(await receive(again(), 1)), ['x']);
  await snapshot.seek();
  assert.deepStrictEqual(texts(await receive(again(), 1)), ['x']);
  const [snapshots] = await client.getSnapshots();
  assert.ok(snapshots.some(s => s.name === snapshot.name));
  await snapshot.delete();
});

// A handler that looks for the id it waits for, as this client's own system
// test does, misses a message that comes before that id: without the wait for
// this client that is all of them. A machine that keeps this process waiting
// may show it both at once, so not each round counts.
test('an id is known before its message comes', limit, async () => {
  const rounds = 20;
  let known = 0;
  for (let i = 0; i < rounds; i++) {
    const topic = await topicOf();
    const subscription = await subscriptionOf(topic);
    let id;
    const received = receive(subscription, 1, message => {
      known += message.id === id;
      message.ack();
    });
    id = await send(topic, 'a');
    await received;
    await topic.delete();
  }
  assert.ok(known >= 3, `known in ${known} of ${rounds} rounds`);
});

test('a detached subscription says so', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic);
  await client.detachSubscription(subscription.name);
  assert.deepStrictEqual(await subscription.detached(), [true]);
  await assert.rejects(receive(subscription, 1), {code: 9});
});

test('a filter and a retry policy are kept and applied', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic,
      {filter: 'attributes.keep = "yes"', retryPolicy: {minimumBackoff: {seconds: 1}}});
  await send(topic, 'no', {attributes: {keep: 'no'}});
  await send(topic, 'yes', {attributes: {keep: 'yes'}});
  assert.deepStrictEqual(texts(await receive(subscription, 1)), ['yes']);
  await assert.rejects(subscriptionOf(topic, {filter: 'nonsense'}), {code: 3});
});

test('policies of topics and subscriptions are set, shown and tested', limit, async () => {
  const topic = await topicOf();
  const subscription = await subscriptionOf(topic);
  const bindings = [{role: 'roles/pubsub.viewer', members: ['allAuthenticatedUsers'], condition: null}];
  for (const resource of [topic, subscription]) {
    const [made] = await resource.iam.setPolicy({bindings});
    assert.deepStrictEqual(made.bindings, bindings);
    const [shown] = await resource.iam.getPolicy();
    assert.deepStrictEqual(shown, made);
    const kind = resource === topic ? 'topics' : 'subscriptions';
    const asked = [`pubsub.${kind}.get`, `pubsub.${kind}.update`];
    assert.deepStrictEqual((await resource.iam.testPermissions([...asked, `pubsub.${kind}.fly`]))[0],
      {[asked[0]]: true, [asked[1]]: true, [`pubsub.${kind}.fly`]: false});
    await assert.rejects(resource.iam.setPolicy({bindings: [], etag: 'ACAB'}), {code: 10});
  }
});

test('errors name what is wrong', limit, async () => {
  await assert.rejects(client.createTopic('1'), /Invalid resource name given/);
  await assert.rejects(client.topic('no-such').publishMessage({data: Buffer.from('x')}),
      {code: 5, details: 'Resource not found (resource=no-such).'});
  await assert.rejects(receive(client.subscription('no-such'), 1), {code: 5});
});
