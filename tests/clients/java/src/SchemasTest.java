// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.api.gax.rpc.InvalidArgumentException;
import com.google.api.gax.rpc.NotFoundException;
import com.google.protobuf.ByteString;
import com.google.pubsub.v1.Encoding;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.Schema;
import com.google.pubsub.v1.SchemaSettings;
import com.google.pubsub.v1.Subscription;
import com.google.pubsub.v1.Topic;
import com.google.pubsub.v1.ValidateMessageRequest;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Schemas by the official Java client. Binary messages are written by hand. */
@Timeout(60)
class SchemasTest {
  private static final String AVRO =
      "{\"type\":\"record\",\"name\":\"Dato\",\"fields\":["
          + "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"n\",\"type\":\"int\"}]}";
  private static final String AVRO_MORE =
      AVRO.replace("]}", ",{\"name\":\"more\",\"type\":\"string\",\"default\":\"\"}]}");
  private static final String PROTO =
      "syntax = \"proto3\"; message Dato { string id = 1; int32 n = 2; }";
  private static final ByteString JSON = ByteString.copyFromUtf8("{\"id\":\"a\",\"n\":3}");
  private static Google google;

  @BeforeAll
  static void open() throws Exception {
    google = new Google();
  }

  @AfterAll
  static void close() throws Exception {
    google.close();
  }

  private static Schema make(Schema.Type type) {
    return google.schemas.createSchema(
        "projects/" + google.project,
        Schema.newBuilder().setType(type).setDefinition(definition(type)).build(),
        google.name("s").replaceAll(".*/", ""));
  }

  private static String definition(Schema.Type type) {
    return type == Schema.Type.AVRO ? AVRO : PROTO;
  }

  /** {id: "a", n: 3}, or what is cut short. */
  private static ByteString bytes(Schema.Type type, Encoding encoding, boolean good) {
    if (encoding == Encoding.JSON) {
      return good ? JSON : ByteString.copyFromUtf8("{\"id\":7,\"n\":\"much\"}");
    }
    byte[] all =
        type == Schema.Type.AVRO
            ? new byte[] {2, 'a', 6}
            : new byte[] {0x0a, 1, 'a', 0x10, 3};
    return ByteString.copyFrom(all, 0, good ? all.length : 2);
  }

  @ParameterizedTest
  @CsvSource({
    "AVRO, JSON", "AVRO, BINARY", "PROTOCOL_BUFFER, JSON", "PROTOCOL_BUFFER, BINARY"
  })
  void aTopicTakesWhatItsSchemaTakes(Schema.Type type, Encoding encoding) {
    Schema schema = make(type);
    assertEquals(definition(type), google.schemas.getSchema(schema.getName()).getDefinition());
    google.schemas.validateMessage(
        ValidateMessageRequest.newBuilder()
            .setParent("projects/" + google.project)
            .setName(schema.getName())
            .setMessage(bytes(type, encoding, true))
            .setEncoding(encoding)
            .build());
    Topic topic =
        google.topic(
            Topic.newBuilder()
                .setSchemaSettings(
                    SchemaSettings.newBuilder()
                        .setSchema(schema.getName())
                        .setEncoding(encoding)));
    Subscription subscription = google.subscription(topic);
    assertThrows(
        InvalidArgumentException.class, () -> publish(topic, bytes(type, encoding, false)));
    publish(topic, bytes(type, encoding, true));
    PubsubMessage got = google.pull(subscription, 1).get(0).getMessage();
    assertEquals(bytes(type, encoding, true), got.getData());
    assertEquals(schema.getName(), got.getAttributesOrThrow("googclient_schemaname"));
    assertEquals(encoding.name(), got.getAttributesOrThrow("googclient_schemaencoding"));
    assertEquals(
        schema.getRevisionId(), got.getAttributesOrThrow("googclient_schemarevisionid"));
  }

  private static void publish(Topic topic, ByteString data) {
    google.topics.publish(
        topic.getName(), List.of(PubsubMessage.newBuilder().setData(data).build()));
  }

  @Test
  void revisionsAreCommittedRolledBackAndDeleted() {
    Schema first = make(Schema.Type.AVRO);
    Schema second =
        google.schemas.commitSchema(
            first.getName(), first.toBuilder().setDefinition(AVRO_MORE).build());
    assertNotEquals(first.getRevisionId(), second.getRevisionId());
    Schema third = google.schemas.rollbackSchema(first.getName(), first.getRevisionId());
    assertEquals(AVRO, third.getDefinition());
    int n = 0;
    for (Schema ignored : google.schemas.listSchemaRevisions(first.getName()).iterateAll()) {
      n++;
    }
    assertEquals(3, n);
    String old = first.getName() + "@" + second.getRevisionId();
    assertEquals(AVRO_MORE, google.schemas.getSchema(old).getDefinition());
    google.schemas.deleteSchemaRevision(old, second.getRevisionId());
    assertThrows(NotFoundException.class, () -> google.schemas.getSchema(old));
    google.schemas.deleteSchema(first.getName());
    assertThrows(NotFoundException.class, () -> google.schemas.getSchema(first.getName()));
  }

  @Test
  void wrongDefinitionsAreRefused() {
    for (String definition : List.of("{", "", PROTO)) {
      assertThrows(
          InvalidArgumentException.class,
          () ->
              google.schemas.validateSchema(
                  "projects/" + google.project,
                  Schema.newBuilder()
                      .setType(Schema.Type.AVRO)
                      .setDefinition(definition)
                      .build()));
    }
  }
}
