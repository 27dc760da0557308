// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.api.gax.batching.BatchingSettings;
import com.google.api.gax.batching.FlowControlSettings;
import com.google.api.gax.rpc.AlreadyExistsException;
import com.google.api.gax.rpc.FailedPreconditionException;
import com.google.api.gax.rpc.InvalidArgumentException;
import com.google.api.gax.rpc.NotFoundException;
import com.google.api.gax.rpc.UnimplementedException;
import com.google.cloud.pubsub.v1.AckResponse;
import com.google.cloud.pubsub.v1.MessageReceiverWithAckResponse;
import com.google.cloud.pubsub.v1.Publisher;
import com.google.cloud.pubsub.v1.Subscriber;
import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import com.google.protobuf.Timestamp;
import com.google.pubsub.v1.DeadLetterPolicy;
import com.google.pubsub.v1.JavaScriptUDF;
import com.google.pubsub.v1.MessageTransform;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.ReceivedMessage;
import com.google.pubsub.v1.SeekRequest;
import com.google.pubsub.v1.Snapshot;
import com.google.pubsub.v1.Subscription;
import com.google.pubsub.v1.Topic;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pub/Sub by the official Java client, inside `datos dev -- ...` (see tests/run). */
@Timeout(60)
class PubSubTest {
  private static Google google;

  @BeforeAll
  static void open() throws Exception {
    google = new Google();
  }

  @AfterAll
  static void close() throws Exception {
    google.close();
  }

  private static List<PubsubMessage> numbered(int n, String key) {
    return IntStream.range(0, n)
        .mapToObj(i -> Google.message("m" + i).toBuilder().setOrderingKey(key).build())
        .toList();
  }

  // --- administration ------------------------------------------------------------

  @Test
  void aTopicIsMadeShownChangedListedAndDeleted() {
    Topic topic = google.topic(Topic.newBuilder().putLabels("a", "b"));
    assertEquals(topic, google.topics.getTopic(topic.getName()));
    Topic changed =
        google.topics.updateTopic(
            topic.toBuilder().clearLabels().putLabels("c", "d").build(),
            FieldMask.newBuilder().addPaths("labels").build());
    assertEquals(Map.of("c", "d"), changed.getLabelsMap());
    assertTrue(
        StreamSupport.stream(
                google.topics.listTopics("projects/" + google.project).iterateAll().spliterator(),
                false)
            .anyMatch(t -> t.equals(changed)));
    assertThrows(AlreadyExistsException.class, () -> google.topics.createTopic(topic.getName()));
    google.topics.deleteTopic(topic.getName());
    assertThrows(NotFoundException.class, () -> google.topics.getTopic(topic.getName()));
  }

  @Test
  void aSubscriptionIsMadeShownChangedListedAndDeleted() {
    Topic topic = google.topic();
    Subscription made =
        google.subscription(topic, Subscription.newBuilder().setAckDeadlineSeconds(77));
    assertEquals(made, google.subscriptions.getSubscription(made.getName()));
    assertEquals(7 * 86400, made.getMessageRetentionDuration().getSeconds());
    Subscription changed =
        google.subscriptions.updateSubscription(
            made.toBuilder().setAckDeadlineSeconds(20).build(),
            FieldMask.newBuilder().addPaths("ack_deadline_seconds").build());
    assertEquals(20, changed.getAckDeadlineSeconds());
    List<String> ofTopic = new ArrayList<>();
    google.topics.listTopicSubscriptions(topic.getName()).iterateAll().forEach(ofTopic::add);
    assertEquals(List.of(made.getName()), ofTopic);
    google.subscriptions.deleteSubscription(made.getName());
    assertThrows(
        NotFoundException.class, () -> google.subscriptions.getSubscription(made.getName()));
  }

  @Test
  void aDetachedSubscriptionGivesNothing() {
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    google.topics.detachSubscription(
        com.google.pubsub.v1.DetachSubscriptionRequest.newBuilder()
            .setSubscription(subscription.getName())
            .build());
    assertTrue(google.subscriptions.getSubscription(subscription.getName()).getDetached());
    assertThrows(
        FailedPreconditionException.class,
        () -> google.subscriptions.pull(subscription.getName(), 1));
  }

  @Test
  void wrongRequestsAreRefused() {
    Topic topic = google.topic();
    assertThrows(InvalidArgumentException.class, () -> google.topics.createTopic("nonsense"));
    assertThrows(
        InvalidArgumentException.class,
        () -> google.publish(topic, ""));
    assertThrows(
        InvalidArgumentException.class,
        () -> google.subscription(topic, Subscription.newBuilder().setAckDeadlineSeconds(5)));
    assertThrows(
        InvalidArgumentException.class,
        () -> google.subscription(topic, Subscription.newBuilder().setFilter("nonsense")));
    assertThrows(
        NotFoundException.class,
        () -> google.publish(Topic.newBuilder().setName(google.name("topics")).build(), "a"));
  }

  // --- publish and pull ----------------------------------------------------------

  @Test
  void dataAndAttributesArriveAsTheyWereSent() throws Exception {
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    byte[] bytes = new byte[256];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    Publisher publisher = google.publisher(topic).build();
    String id =
        publisher
            .publish(
                PubsubMessage.newBuilder()
                    .setData(ByteString.copyFrom(bytes))
                    .putAttributes("key", "välue")
                    .build())
            .get(20, TimeUnit.SECONDS);
    publisher.shutdown();
    PubsubMessage got = google.pull(subscription, 1).get(0).getMessage();
    assertEquals(id, got.getMessageId());
    assertEquals(ByteString.copyFrom(bytes), got.getData());
    assertEquals(Map.of("key", "välue"), got.getAttributesMap());
    assertTrue(Math.abs(got.getPublishTime().getSeconds() - Instant.now().getEpochSecond()) < 60);
  }

  @Test
  void whatIsNotAcknowledgedComesAgain() {
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    google.publish(topic, "a", "b");
    List<ReceivedMessage> first = google.pull(subscription, 2);
    google.acknowledge(subscription, first.subList(0, 1));
    google.subscriptions.modifyAckDeadline(
        subscription.getName(), List.of(first.get(1).getAckId()), 0);
    assertEquals(
        Google.texts(first.subList(1, 2)), Google.texts(google.pull(subscription, 1)));
  }

  @Test
  void aBatchingPublisherAndAStreamingSubscriberLoseNothing() throws Exception {
    int n = 2000;
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    Publisher publisher =
        google
            .publisher(topic)
            .setBatchingSettings(
                BatchingSettings.newBuilder()
                    .setElementCountThreshold(100L)
                    .setRequestByteThreshold(1_000_000L)
                    .setDelayThresholdDuration(java.time.Duration.ofMillis(5))
                    .build())
            .build();
    Set<String> ids = new HashSet<>(google.publishAll(publisher, numbered(n, "")));
    publisher.shutdown();
    assertEquals(n, ids.size());
    Set<String> received = Collections.synchronizedSet(new HashSet<>());
    Subscriber subscriber =
        google
            .subscriber(
                subscription,
                (message, reply) -> {
                  received.add(message.getMessageId());
                  reply.ack();
                })
            .setParallelPullCount(2)
            .build();
    subscriber.startAsync().awaitRunning(20, TimeUnit.SECONDS);
    Google.waitFor("all messages", () -> received.size() == n);
    Google.stop(subscriber);
    assertEquals(ids, received);
  }

  @Test
  void noMoreThanTheFlowControlAllowsIsAtWork() throws Exception {
    int n = 60;
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    for (int i = 0; i < n; i++) {
      google.publish(topic, "m" + i);
    }
    AtomicInteger working = new AtomicInteger(), most = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(n);
    Subscriber subscriber =
        google
            .subscriber(
                subscription,
                (message, reply) -> {
                  most.accumulateAndGet(working.incrementAndGet(), Math::max);
                  try {
                    Thread.sleep(2);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  working.decrementAndGet();
                  reply.ack();
                  all.countDown();
                })
            .setFlowControlSettings(
                FlowControlSettings.newBuilder().setMaxOutstandingElementCount(3L).build())
            .build();
    subscriber.startAsync().awaitRunning(20, TimeUnit.SECONDS);
    assertTrue(all.await(30, TimeUnit.SECONDS));
    Google.stop(subscriber);
    assertTrue(most.get() <= 3, "" + most);
  }

  @Test
  void messagesOfAKeyComeInOrder() throws Exception {
    int n = 300;
    Topic topic = google.topic();
    Subscription subscription =
        google.subscription(topic, Subscription.newBuilder().setEnableMessageOrdering(true));
    Publisher publisher = google.publisher(topic).setEnableMessageOrdering(true).build();
    List<PubsubMessage> messages = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      messages.add(numbered(n, "a").get(i));
      messages.add(numbered(n, "b").get(i));
    }
    google.publishAll(publisher, messages);
    publisher.shutdown();
    Map<String, ConcurrentLinkedQueue<String>> received =
        Map.of("a", new ConcurrentLinkedQueue<>(), "b", new ConcurrentLinkedQueue<>());
    CountDownLatch all = new CountDownLatch(2 * n);
    Subscriber subscriber =
        google
            .subscriber(
                subscription,
                (message, reply) -> {
                  received.get(message.getOrderingKey()).add(message.getData().toStringUtf8());
                  reply.ack();
                  all.countDown();
                })
            .build();
    subscriber.startAsync().awaitRunning(20, TimeUnit.SECONDS);
    assertTrue(all.await(30, TimeUnit.SECONDS), received::toString);
    Google.stop(subscriber);
    List<String> want = IntStream.range(0, n).mapToObj(i -> "m" + i).toList();
    assertEquals(want, List.copyOf(received.get("a")));
    assertEquals(want, List.copyOf(received.get("b")));
  }

  @Test
  void exactlyOnceConfirmsEachAcknowledgement() throws Exception {
    int n = 100;
    Topic topic = google.topic();
    Subscription subscription =
        google.subscription(topic, Subscription.newBuilder().setEnableExactlyOnceDelivery(true));
    ConcurrentLinkedQueue<String> received = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<AckResponse> responses = new ConcurrentLinkedQueue<>();
    var waiting = Executors.newCachedThreadPool();
    MessageReceiverWithAckResponse receiver =
        (message, reply) -> {
          received.add(message.getMessageId());
          var response = reply.ack();
          waiting.execute(
              () -> {
                try {
                  responses.add(response.get(30, TimeUnit.SECONDS));
                } catch (Exception e) {
                  responses.add(AckResponse.OTHER);
                }
              });
        };
    Subscriber subscriber =
        Subscriber.newBuilder(subscription.getName(), receiver)
            .setChannelProvider(google.channels)
            .setCredentialsProvider(google.credentials)
            .build();
    subscriber.startAsync().awaitRunning(20, TimeUnit.SECONDS);
    for (int i = 0; i < n; i += 10) {
      google.publish(
          topic, IntStream.range(i, i + 10).mapToObj(k -> "m" + k).toArray(String[]::new));
    }
    Google.waitFor("confirmations", () -> responses.size() == n);
    Google.stop(subscriber);
    waiting.shutdown();
    assertTrue(responses.stream().allMatch(r -> r == AckResponse.SUCCESSFUL), responses::toString);
    assertEquals(n, received.size());
    assertEquals(n, new HashSet<>(received).size());
  }

  @Test
  void exactlyOnceRefusesAnOldAcknowledgement() {
    Topic topic = google.topic();
    Subscription subscription =
        google.subscription(topic, Subscription.newBuilder().setEnableExactlyOnceDelivery(true));
    google.publish(topic, "a");
    List<ReceivedMessage> first = google.pull(subscription, 1);
    google.subscriptions.modifyAckDeadline(
        subscription.getName(), List.of(first.get(0).getAckId()), 0);
    List<ReceivedMessage> second = google.pull(subscription, 1);
    assertNotEquals(first.get(0).getAckId(), second.get(0).getAckId());
    assertThrows(
        InvalidArgumentException.class, () -> google.acknowledge(subscription, first));
    google.acknowledge(subscription, second);
  }

  @Test
  void nackedMessagesEndInTheDeadLetterTopic() throws Exception {
    Topic dead = google.topic(), topic = google.topic();
    Subscription letters = google.subscription(dead);
    Subscription subscription =
        google.subscription(
            topic,
            Subscription.newBuilder()
                .setDeadLetterPolicy(
                    DeadLetterPolicy.newBuilder()
                        .setDeadLetterTopic(dead.getName())
                        .setMaxDeliveryAttempts(5)));
    ConcurrentLinkedQueue<Integer> attempts = new ConcurrentLinkedQueue<>();
    Subscriber subscriber =
        google
            .subscriber(
                subscription,
                (message, reply) -> {
                  attempts.add(Subscriber.getDeliveryAttempt(message));
                  reply.nack();
                })
            .build();
    subscriber.startAsync().awaitRunning(20, TimeUnit.SECONDS);
    google.publish(topic, "letter");
    PubsubMessage letter = google.pull(letters, 1).get(0).getMessage();
    Google.stop(subscriber);
    assertEquals(List.of(1, 2, 3, 4, 5), List.copyOf(attempts));
    assertEquals("letter", letter.getData().toStringUtf8());
    assertEquals(
        "5", letter.getAttributesOrThrow("CloudPubSubDeadLetterSourceDeliveryCount"));
  }

  @Test
  void aFilterLetsOnlySomePass() {
    Topic topic = google.topic();
    Subscription subscription =
        google.subscription(topic, Subscription.newBuilder().setFilter("attributes.keep = \"yes\""));
    google.topics.publish(
        topic.getName(),
        List.of(
            Google.message("no"),
            Google.message("yes").toBuilder().putAttributes("keep", "yes").build()));
    assertEquals(List.of("yes"), Google.texts(google.pull(subscription, 1)));
  }

  // --- seek ----------------------------------------------------------------------

  @Test
  void seekToASnapshotBringsBackWhatItHeld() {
    Topic topic = google.topic();
    Subscription subscription = google.subscription(topic);
    google.publish(topic, "a", "b");
    List<ReceivedMessage> both = google.pull(subscription, 2);
    google.acknowledge(subscription, both.subList(0, 1));
    Snapshot snapshot =
        google.subscriptions.createSnapshot(google.name("snapshots"), subscription.getName());
    assertEquals(topic.getName(), snapshot.getTopic());
    google.acknowledge(subscription, both.subList(1, 2));
    google.subscriptions.seek(
        SeekRequest.newBuilder()
            .setSubscription(subscription.getName())
            .setSnapshot(snapshot.getName())
            .build());
    assertEquals(
        Google.texts(both.subList(1, 2)), Google.texts(google.pull(subscription, 1)));
    google.subscriptions.deleteSnapshot(snapshot.getName());
    assertThrows(
        NotFoundException.class, () -> google.subscriptions.getSnapshot(snapshot.getName()));
  }

  @Test
  void seekToATimeGoesBackAndForth() {
    Topic topic = google.topic();
    Subscription subscription =
        google.subscription(topic, Subscription.newBuilder().setRetainAckedMessages(true));
    google.publish(topic, "a", "b");
    google.acknowledge(subscription, google.pull(subscription, 2));
    seek(subscription, Instant.now().minusSeconds(60));
    assertEquals(2, google.pull(subscription, 2).size());
    seek(subscription, Instant.now().plusSeconds(60));
    google.publish(topic, "c");
    seek(subscription, Instant.now().plusSeconds(60));
    assertEquals(
        0, google.subscriptions.pull(subscription.getName(), true, 10).getReceivedMessagesCount());
  }

  private static void seek(Subscription subscription, Instant time) {
    google.subscriptions.seek(
        SeekRequest.newBuilder()
            .setSubscription(subscription.getName())
            .setTime(Timestamp.newBuilder().setSeconds(time.getEpochSecond()))
            .build());
  }

  // --- transforms ----------------------------------------------------------------

  private static MessageTransform udf(String code) {
    return MessageTransform.newBuilder()
        .setJavascriptUdf(JavaScriptUDF.newBuilder().setFunctionName("f").setCode(code))
        .build();
  }

  @Test
  void transformsChangeWhatIsPublishedAndDelivered() throws Exception {
    Topic topic =
        google.topic(
            Topic.newBuilder()
                .addMessageTransforms(
                    udf(
                        "function f(m) { if (m.data === 'drop') return null;"
                            + " return {data: m.data + JSON.parse('1')}; }")));
    Subscription subscription =
        google.subscription(
            topic,
            Subscription.newBuilder()
                .addMessageTransforms(
                    udf("function f(m) { m.data = m.data.toUpperCase(); return m; }")));
    assertEquals(3, google.publish(topic, "a", "drop", "b").size());
    assertEquals(List.of("A1", "B1"), Google.texts(google.pull(subscription, 2)));
    assertThrows(
        UnimplementedException.class,
        () -> google.topic(Topic.newBuilder().addMessageTransforms(udf("const f = m => m;"))));

    Topic failing =
        google.topic(
            Topic.newBuilder().addMessageTransforms(udf("function f() { throw Error('no'); }")));
    Publisher publisher = google.publisher(failing).build();
    ExecutionException e =
        assertThrows(
            ExecutionException.class,
            () -> publisher.publish(Google.message("a")).get(20, TimeUnit.SECONDS));
    assertTrue(e.getCause() instanceof InvalidArgumentException, e::toString);
    publisher.shutdown();
    assertFalse(google.topics.getTopic(failing.getName()).getMessageTransforms(0).getDisabled());
  }
}
