// SPDX-License-Identifier: Apache-2.0
// Schemas by the official Node client: their life, their revisions, topics that
// have one. Binary messages are written by hand, in Avro's and protocol
// buffers' words.
'use strict';
const assert = require('node:assert');
const {after, before, test} = require('node:test');
const {Encodings, PubSub, Schema, SchemaTypes, SchemaViews} = require('@google-cloud/pubsub');

const limit = {timeout: 60000};
const INVALID_ARGUMENT = 3, NOT_FOUND = 5, ALREADY_EXISTS = 6;
const AVRO = JSON.stringify({type: 'record', name: 'Dato', fields: [
  {name: 'id', type: 'string'}, {name: 'n', type: 'int'}]});
const AVRO_MORE = JSON.stringify({type: 'record', name: 'Dato', fields: [
  {name: 'id', type: 'string'}, {name: 'n', type: 'int'},
  {name: 'more', type: 'string', default: ''}]});
const PROTO = 'syntax = "proto3"; message Dato { string id = 1; int32 n = 2; }';
// {id: 'a', n: 3}: lengths and numbers doubled (zigzag); tags and a length
const AVRO_BYTES = Buffer.from([2, 0x61, 6]);
const PROTO_BYTES = Buffer.from([0x0a, 1, 0x61, 0x10, 3]);

let client, schemas;
let number = 0;

before(async () => {
  client = new PubSub({projectId: process.env.GOOGLE_CLOUD_PROJECT});
  schemas = await client.getSchemaClient();
});
after(() => client.close());

const id = kind => `node-${kind}-${process.pid}-${++number}`;
const make = (type = SchemaTypes.Avro, definition = AVRO) =>
  client.createSchema(id('schema'), type, definition);
const fullName = schema => `projects/${process.env.GOOGLE_CLOUD_PROJECT}/schemas/${schema.id}`;

async function topicOf(schema, encoding, settings = {}) {
  const [topic] = await client.createTopic({
    name: id('topic'),
    schemaSettings: {schema: fullName(schema), encoding, ...settings},
  });
  const [subscription] = await topic.createSubscription(id('subscription'));
  return {topic, subscription};
}

async function receiveOne(subscription) {
  const message = await new Promise((resolve, reject) => {
    subscription.on('error', reject);
    subscription.once('message', resolve);
  });
  message.ack();
  await subscription.close();
  return message;
}

test('a schema is made, shown, listed and deleted', limit, async () => {
  const schema = await make();
  const full = await schema.get(SchemaViews.Full);
  assert.strictEqual(full.name, fullName(schema));
  assert.strictEqual(full.type, 'AVRO');
  assert.strictEqual(full.definition, AVRO);
  assert.match(full.revisionId, /^[0-9a-f]{8}$/);
  assert.strictEqual((await schema.get(SchemaViews.Basic)).definition, '');

  const listed = [];
  for await (const s of client.listSchemas(SchemaViews.Full)) listed.push(s);
  assert.deepStrictEqual(listed.filter(s => s.name === full.name).map(s => s.definition), [AVRO]);

  await assert.rejects(client.createSchema(schema.id, SchemaTypes.Avro, AVRO), {code: ALREADY_EXISTS});
  await schema.delete();
  await assert.rejects(schema.get(SchemaViews.Full), {code: NOT_FOUND});
});

test('definitions are validated', limit, async () => {
  await client.validateSchema({type: SchemaTypes.Avro, definition: AVRO});
  await client.validateSchema({type: SchemaTypes.ProtocolBuffer, definition: PROTO});
  for (const [type, definition] of [
    [SchemaTypes.Avro, '{"type": "record"}'], [SchemaTypes.Avro, PROTO],
    [SchemaTypes.ProtocolBuffer, 'message Dato { string id = 0; }'], [SchemaTypes.ProtocolBuffer, AVRO],
  ]) {
    await assert.rejects(client.validateSchema({type, definition}), {code: INVALID_ARGUMENT});
    await assert.rejects(make(type, definition), {code: INVALID_ARGUMENT});
  }
});

const forms = [
  ['Avro', SchemaTypes.Avro, AVRO, AVRO_BYTES, Buffer.from([2, 0x61])],
  ['protocol buffers', SchemaTypes.ProtocolBuffer, PROTO, PROTO_BYTES, Buffer.from([0x0a, 9, 0x61])],
];
const JSON_BYTES = Buffer.from('{"id":"a","n":3}');
const BAD_JSON = Buffer.from('{"id":"a","n":"much"}');

for (const [title, type, definition, binary, badBinary] of forms) {
  test(`messages are validated: ${title}`, limit, async () => {
    const schema = await make(type, definition);
    await schema.validateMessage(JSON_BYTES, Encodings.Json);
    await schema.validateMessage(binary, Encodings.Binary);
    await assert.rejects(schema.validateMessage(BAD_JSON, Encodings.Json), {code: INVALID_ARGUMENT});
    await assert.rejects(schema.validateMessage(badBinary, Encodings.Binary), {code: INVALID_ARGUMENT});
  });

  for (const [encoding, good, bad] of [
    [Encodings.Json, JSON_BYTES, BAD_JSON], [Encodings.Binary, binary, badBinary]]) {
    test(`a topic takes what its schema takes: ${title}, ${encoding}`, limit, async () => {
      const schema = await make(type, definition);
      const {topic, subscription} = await topicOf(schema, encoding);
      const [shown] = await topic.getMetadata();
      assert.strictEqual(shown.schemaSettings.encoding, encoding);
      await assert.rejects(topic.publishMessage({data: bad}), {code: INVALID_ARGUMENT});
      await topic.publishMessage({data: good});
      const message = await receiveOne(subscription);
      assert.deepStrictEqual(message.data, good);
      const {name, revision, encoding: told} = Schema.metadataFromMessage(message.attributes);
      assert.strictEqual(name, fullName(schema));
      assert.strictEqual(revision, (await schema.get(SchemaViews.Full)).revisionId);
      assert.strictEqual(told, encoding);
    });
  }
}

test('revisions are committed, listed, rolled back and deleted', limit, async () => {
  const schema = await make();
  const name = fullName(schema);
  const first = (await schema.get(SchemaViews.Full)).revisionId;
  const [second] = await schemas.commitSchema({name, schema: {name, type: 'AVRO', definition: AVRO_MORE}});
  assert.notStrictEqual(second.revisionId, first);
  assert.strictEqual((await schema.get(SchemaViews.Full)).definition, AVRO_MORE);
  const [old] = await schemas.getSchema({name: `${name}@${first}`, view: 'FULL'});
  assert.strictEqual(old.definition, AVRO);
  await assert.rejects(schemas.commitSchema({name, schema: {name, type: 'AVRO', definition: '{'}}),
      {code: INVALID_ARGUMENT});

  const [third] = await schemas.rollbackSchema({name, revisionId: first});
  assert.strictEqual(third.definition, AVRO);
  const [revisions] = await schemas.listSchemaRevisions({name});
  assert.deepStrictEqual(revisions.map(r => r.revisionId), [first, second.revisionId, third.revisionId]);
  await schemas.deleteSchemaRevision({name: `${name}@${second.revisionId}`});
  await assert.rejects(schemas.getSchema({name: `${name}@${second.revisionId}`}), {code: NOT_FOUND});
});

test('a topic takes the revisions of its range', limit, async () => {
  const schema = await make();
  const name = fullName(schema);
  const first = (await schema.get(SchemaViews.Full)).revisionId;
  const [second] = await schemas.commitSchema({name, schema: {name, type: 'AVRO', definition: AVRO_MORE}});
  const {topic, subscription} = await topicOf(schema, Encodings.Json,
      {firstRevisionId: second.revisionId, lastRevisionId: second.revisionId});
  await assert.rejects(topic.publishMessage({data: JSON_BYTES}), {code: INVALID_ARGUMENT});
  await topic.setMetadata({schemaSettings: {
    schema: name, encoding: Encodings.Json, firstRevisionId: first, lastRevisionId: second.revisionId}});
  await topic.publishMessage({data: JSON_BYTES});
  const message = await receiveOne(subscription);
  assert.strictEqual(Schema.metadataFromMessage(message.attributes).revision, first);
});

test('a topic whose schema is gone takes nothing', limit, async () => {
  const schema = await make();
  const {topic} = await topicOf(schema, Encodings.Json);
  await schema.delete();
  await assert.rejects(topic.publishMessage({data: JSON_BYTES}));
  assert.strictEqual((await topic.getMetadata())[0].schemaSettings.schema, '_deleted-schema_');
});
