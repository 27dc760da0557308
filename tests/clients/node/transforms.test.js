// SPDX-License-Identifier: Apache-2.0
// Message transforms by the official Node client.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {PubSub} = require('@google-cloud/pubsub');

const limit = {timeout: 60000};
const INVALID_ARGUMENT = 3, UNIMPLEMENTED = 12;
let client;
let number = 0;

before(() => {
  client = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
});
after(() => client.close());

const id = kind => `node-transform-${kind}-${++number}`;
const udf = (code, functionName = 'f') => ({javascriptUdf: {functionName, code}});
// runs there, not here: its text is what counts
const MASK = udf(function f(message, metadata) {
  var record = JSON.parse(message.data);
  if (record.test) return null;
  delete record.ssn;
  message.data = JSON.stringify(record);
  message.attributes.id = metadata.message_id;
  return message;
}.toString());

async function topicOf(messageTransforms) {
  const [topic] = await client.createTopic({name: id('topic'), messageTransforms});
  return topic;
}

async function receive(subscription, n) {
  const found = [];
  await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', message => {
      message.ack();
      found.push(message);
      if (found.length === n) resolve();
    });
  });
  await subscription.close();
  return found;
}

test('a topic transforms what is published', limit, async () => {
  const topic = await topicOf([MASK]);
  const [subscription] = await topic.createSubscription(id('subscription'));
  const [shown] = await topic.getMetadata();
  assert.deepStrictEqual(shown.messageTransforms[0].javascriptUdf, MASK.javascriptUdf);

  const ids = await Promise.all([
    topic.publishMessage({json: {name: 'ñ', ssn: '1'}, attributes: {a: 'b'}}),
    topic.publishMessage({json: {test: true}}),
  ]);
  const [message] = await receive(subscription, 1);
  assert.strictEqual(message.data.toString(), '{"name":"ñ"}');
  assert.strictEqual(message.id, ids[0]);
  assert.deepStrictEqual({...message.attributes}, {a: 'b', id: ids[0]});
  await assert.rejects(topic.publishMessage({data: Buffer.from('no JSON')}),
      {code: INVALID_ARGUMENT, message: /SyntaxError/});
});

test('a subscription transforms what it delivers', limit, async () => {
  const topic = await topicOf();
  const [changed] = await topic.createSubscription(id('subscription'), {messageTransforms: [MASK]});
  const [plain] = await topic.createSubscription(id('subscription'));
  await topic.publishMessage({json: {test: true}});
  await topic.publishMessage({json: {a: 1, ssn: '1'}});
  const [message] = await receive(changed, 1);
  assert.strictEqual(message.data.toString(), '{"a":1}');
  assert.deepStrictEqual((await receive(plain, 2)).map(m => m.data.toString()).sort(),
      ['{"a":1,"ssn":"1"}', '{"test":true}']);
});

test('transforms are changed and taken away', limit, async () => {
  const topic = await topicOf([MASK]);
  const [subscription] = await topic.createSubscription(id('subscription'));
  await topic.setMetadata({messageTransforms: [udf('function g(m) { m.data += "!"; return m; }', 'g')]});
  await topic.publishMessage({data: Buffer.from('a')});
  await topic.setMetadata({messageTransforms: []});
  await topic.publishMessage({data: Buffer.from('b')});
  assert.deepStrictEqual((await receive(subscription, 2)).map(m => m.data.toString()).sort(), ['a!', 'b']);
});

test('what cannot be run is refused by name', limit, async () => {
  for (const [code, status, why] of [
    ['const f = m => m;', UNIMPLEMENTED, /line 1: arrow functions/],
    ['function f(m) {\n  let x = `${m.data}`;\n  return m;\n}', UNIMPLEMENTED, /line 2: let/],
    ['function f(m) {', INVALID_ARGUMENT, /SyntaxError/],
    ['function g(m) { return m; }', INVALID_ARGUMENT, /no function f/],
    ['while (true) ;', INVALID_ARGUMENT, /too long/],
  ]) await assert.rejects(topicOf([udf(code)]), {code: status, message: why});
});
