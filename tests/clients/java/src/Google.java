// SPDX-License-Identifier: Apache-2.0

import com.google.api.core.ApiFuture;
import com.google.api.core.ApiFutures;
import com.google.api.gax.core.CredentialsProvider;
import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.GrpcTransportChannel;
import com.google.api.gax.rpc.FixedTransportChannelProvider;
import com.google.api.gax.rpc.TransportChannelProvider;
import com.google.cloud.pubsub.v1.Publisher;
import com.google.cloud.pubsub.v1.SchemaServiceClient;
import com.google.cloud.pubsub.v1.SchemaServiceSettings;
import com.google.cloud.pubsub.v1.Subscriber;
import com.google.cloud.pubsub.v1.SubscriptionAdminClient;
import com.google.cloud.pubsub.v1.SubscriptionAdminSettings;
import com.google.cloud.pubsub.v1.TopicAdminClient;
import com.google.cloud.pubsub.v1.TopicAdminSettings;
import com.google.protobuf.ByteString;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.ReceivedMessage;
import com.google.pubsub.v1.Subscription;
import com.google.pubsub.v1.Topic;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/** The official clients of the emulator that PUBSUB_EMULATOR_HOST names, and names of resources. */
final class Google implements AutoCloseable {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  final String project = System.getenv("GOOGLE_CLOUD_PROJECT");
  final ManagedChannel channel =
      ManagedChannelBuilder.forTarget(System.getenv("PUBSUB_EMULATOR_HOST"))
          .usePlaintext()
          .maxInboundMessageSize(20 << 20)
          .build();
  final TransportChannelProvider channels =
      FixedTransportChannelProvider.create(GrpcTransportChannel.create(channel));
  final CredentialsProvider credentials = NoCredentialsProvider.create();
  final TopicAdminClient topics;
  final SubscriptionAdminClient subscriptions;
  final SchemaServiceClient schemas;

  Google() throws IOException {
    topics =
        TopicAdminClient.create(
            TopicAdminSettings.newBuilder()
                .setTransportChannelProvider(channels)
                .setCredentialsProvider(credentials)
                .build());
    subscriptions =
        SubscriptionAdminClient.create(
            SubscriptionAdminSettings.newBuilder()
                .setTransportChannelProvider(channels)
                .setCredentialsProvider(credentials)
                .build());
    schemas =
        SchemaServiceClient.create(
            SchemaServiceSettings.newBuilder()
                .setTransportChannelProvider(channels)
                .setCredentialsProvider(credentials)
                .build());
  }

  @Override
  public void close() throws InterruptedException {
    topics.close();
    subscriptions.close();
    schemas.close();
    channel.shutdown();
    if (!channel.awaitTermination(10, TimeUnit.SECONDS)) {
      throw new AssertionError("the channel does not close");
    }
  }

  String name(String collection) {
    return "projects/" + project + "/" + collection + "/java-" + NUMBER.incrementAndGet();
  }

  Topic topic(Topic.Builder settings) {
    return topics.createTopic(settings.setName(name("topics")).build());
  }

  Topic topic() {
    return topic(Topic.newBuilder());
  }

  Subscription subscription(Topic topic, Subscription.Builder settings) {
    return subscriptions.createSubscription(
        settings.setName(name("subscriptions")).setTopic(topic.getName()).build());
  }

  Subscription subscription(Topic topic) {
    return subscription(topic, Subscription.newBuilder());
  }

  /** One request. */
  List<String> publish(Topic topic, String... texts) {
    List<PubsubMessage> messages = new ArrayList<>();
    for (String text : texts) {
      messages.add(message(text));
    }
    return topics.publish(topic.getName(), messages).getMessageIdsList();
  }

  static PubsubMessage message(String text) {
    return PubsubMessage.newBuilder().setData(ByteString.copyFromUtf8(text)).build();
  }

  /** Through the batching publisher; the ids, in order. */
  List<String> publishAll(Publisher publisher, List<PubsubMessage> messages) throws Exception {
    List<ApiFuture<String>> ids = new ArrayList<>();
    for (PubsubMessage m : messages) {
      ids.add(publisher.publish(m));
    }
    return ApiFutures.allAsList(ids).get(30, TimeUnit.SECONDS);
  }

  Publisher.Builder publisher(Topic topic) {
    return Publisher.newBuilder(topic.getName())
        .setChannelProvider(channels)
        .setCredentialsProvider(credentials);
  }

  Subscriber.Builder subscriber(
      Subscription subscription, com.google.cloud.pubsub.v1.MessageReceiver receiver) {
    return Subscriber.newBuilder(subscription.getName(), receiver)
        .setChannelProvider(channels)
        .setCredentialsProvider(credentials);
  }

  /** `n` messages by unary pulls, not acknowledged. */
  List<ReceivedMessage> pull(Subscription subscription, int n) {
    List<ReceivedMessage> found = new ArrayList<>();
    waitFor(
        "messages " + n,
        () -> {
          found.addAll(
              subscriptions.pull(subscription.getName(), n - found.size()).getReceivedMessagesList());
          return found.size() >= n;
        });
    return found;
  }

  void acknowledge(Subscription subscription, List<ReceivedMessage> messages) {
    subscriptions.acknowledge(
        subscription.getName(), messages.stream().map(ReceivedMessage::getAckId).toList());
  }

  static List<String> texts(List<ReceivedMessage> messages) {
    return messages.stream().map(m -> m.getMessage().getData().toStringUtf8()).toList();
  }

  static void waitFor(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within 30 s: " + what);
      }
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  static void stop(Subscriber subscriber) throws Exception {
    subscriber.stopAsync().awaitTerminated(30, TimeUnit.SECONDS);
  }
}
