// SPDX-License-Identifier: Apache-2.0
// Push as an application in Node meets it: subscriptions made by the official
// client, tokens verified by Google's own library.
'use strict';
const assert = require('node:assert');
const {createPublicKey} = require('node:crypto');
const http = require('node:http');
const {after, before, test} = require('node:test');
const {OAuth2Client} = require('google-auth-library');
const {PubSub} = require('@google-cloud/pubsub');

const limit = {timeout: 60000};
const account = 'pusher@datos-local.iam.gserviceaccount.com';
let client;
let number = 0;

before(() => {
  client = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
});
after(() => client.close());

// An endpoint that answers as told; `got(n)` waits for n requests.
async function endpointOf(t, answer = () => 204) {
  const requests = [];
  const waiting = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      requests.push({headers: request.headers, body: Buffer.concat(chunks)});
      response.writeHead(answer(requests.length, requests.at(-1)));
      response.end();
      for (const w of waiting) if (requests.length >= w.n) w.resolve(requests);
    });
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const got = n => requests.length >= n ? requests : new Promise(resolve => waiting.push({n, resolve}));
  return {url: `http://127.0.0.1:${server.address().port}/push`, got};
}

async function pushTo(t, pushConfig, more) {
  const [topic] = await client.createTopic(`node-push-topic-${++number}`);
  const [subscription] = await topic.createSubscription(`node-push-${number}`, {pushConfig, ...more});
  t.after(() => subscription.delete());
  return {topic, subscription};
}

test('a message arrives in its envelope, signed', limit, async t => {
  const {url, got} = await endpointOf(t);
  const {topic, subscription} = await pushTo(t,
    {pushEndpoint: url, oidcToken: {serviceAccountEmail: account, audience: 'us'}}, {enableMessageOrdering: true});
  const id = await client.topic(topic.name, {messageOrdering: true}).publishMessage(
    {data: Buffer.from('hola'), attributes: {a: 'b'}, orderingKey: 'k'});
  const [request] = await got(1);
  const {message, subscription: from} = JSON.parse(request.body);
  assert.strictEqual(from, subscription.name);
  assert.strictEqual(Buffer.from(message.data, 'base64').toString(), 'hola');
  assert.deepStrictEqual([message.messageId, message.message_id, message.orderingKey, message.attributes],
    [id, id, 'k', {a: 'b'}]);

  const host = process.env.BIGQUERY_EMULATOR_HOST.replace(/^(http:\/\/)?/, 'http://');
  const {keys} = await (await fetch(`${host}/oauth2/v3/certs`)).json();
  const certs = Object.fromEntries(keys.map(jwk =>
    [jwk.kid, createPublicKey({key: jwk, format: 'jwk'}).export({type: 'spki', format: 'pem'})]));
  const token = request.headers.authorization.replace('Bearer ', '');
  const ticket = await new OAuth2Client().verifySignedJwtWithCertsAsync(
    token, certs, 'us', ['https://accounts.google.com']);
  assert.strictEqual(ticket.getPayload().email, account);
  assert.strictEqual(ticket.getPayload().email_verified, true);
  const asInProduction = new OAuth2Client({endpoints: {oauth2FederatedSignonPemCertsUrl: `${host}/oauth2/v1/certs`}});
  const checked = await asInProduction.verifyIdToken({idToken: token, audience: 'us'});
  assert.strictEqual(checked.getPayload().sub, ticket.getPayload().sub);
  await assert.rejects(new OAuth2Client().verifySignedJwtWithCertsAsync(token, certs, 'others', ['https://accounts.google.com']));
});

test('the data alone, with its metadata as headers', limit, async t => {
  const {url, got} = await endpointOf(t);
  const {topic, subscription} = await pushTo(t, {pushEndpoint: url, noWrapper: {writeMetadata: true}});
  const id = await topic.publishMessage({data: Buffer.from([0, 255]), attributes: {colour: 'red'}});
  const [{headers, body}] = await got(1);
  assert.deepStrictEqual(body, Buffer.from([0, 255]));
  assert.strictEqual(headers['x-goog-pubsub-message-id'], id);
  assert.strictEqual(headers['x-goog-pubsub-subscription-name'], subscription.name);
  assert.strictEqual(headers.colour, 'red');
});

test('what fails comes again, then goes to the dead-letter topic', limit, async t => {
  const {url, got} = await endpointOf(t, () => 503);
  const [dead] = await client.createTopic('node-push-dead');
  const [grave] = await dead.createSubscription('node-push-grave');
  t.after(() => grave.delete());
  const {topic} = await pushTo(t, {pushEndpoint: url},
    {deadLetterPolicy: {deadLetterTopic: dead.name, maxDeliveryAttempts: 5}});
  await topic.publishMessage({data: Buffer.from('poison')});
  const letter = await new Promise((resolve, reject) => {
    grave.on('error', reject);
    grave.on('message', m => {
      m.ack();
      resolve(m);
    });
  });
  await grave.close();
  assert.strictEqual(letter.data.toString(), 'poison');
  const attempts = (await got(5)).map(r => JSON.parse(r.body).deliveryAttempt);
  assert.deepStrictEqual(attempts, [1, 2, 3, 4, 5]);
});

test('a subscription changes between pull and push', limit, async t => {
  const {url, got} = await endpointOf(t);
  const {topic, subscription} = await pushTo(t, {});
  await subscription.modifyPushConfig({pushEndpoint: url});
  await topic.publishMessage({data: Buffer.from('pushed')});
  await got(1);
  assert.strictEqual((await subscription.getMetadata())[0].pushConfig.pushEndpoint, url);
  await subscription.modifyPushConfig({});
  await topic.publishMessage({data: Buffer.from('pulled')});
  const message = await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('message', m => {
      m.ack();
      resolve(m);
    });
  });
  assert.strictEqual(message.data.toString(), 'pulled');
  await subscription.close();
});

test('an endpoint that cannot be is refused', limit, async t => {
  for (const pushEndpoint of ['http://example.com/', 'nonsense']) {
    await assert.rejects(pushTo(t, {pushEndpoint}), {code: 3, message: /Invalid push endpoint given/});
  }
});
