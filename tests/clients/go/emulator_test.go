// SPDX-License-Identifier: Apache-2.0

// What the official Go client notices of Pub/Sub itself: streams that stay,
// results of acknowledgements, ordering, dead letters, seeks, lists.
package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var number atomic.Int32

type fixture struct {
	*testing.T
	client  *pubsub.Client
	ctx     context.Context
	project string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	client, ctx := newClient(t)
	return &fixture{t, client, ctx, "projects/" + os.Getenv("GOOGLE_CLOUD_PROJECT")}
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) topic() string {
	f.Helper()
	name := fmt.Sprintf("%s/topics/go-%d", f.project, number.Add(1))
	_, err := f.client.TopicAdminClient.CreateTopic(f.ctx, &pubsubpb.Topic{Name: name})
	f.must(err)
	return name
}

func (f *fixture) subscription(settings *pubsubpb.Subscription) string {
	f.Helper()
	settings.Name = fmt.Sprintf("%s/subscriptions/go-%d", f.project, number.Add(1))
	_, err := f.client.SubscriptionAdminClient.CreateSubscription(f.ctx, settings)
	f.must(err)
	return settings.Name
}

func (f *fixture) publish(topic string, messages ...*pubsub.Message) {
	f.Helper()
	publisher := f.client.Publisher(topic)
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	var results []*pubsub.PublishResult
	for _, m := range messages {
		results = append(results, publisher.Publish(f.ctx, m))
	}
	for _, r := range results {
		_, err := r.Get(f.ctx)
		f.must(err)
	}
}

func text(s string) *pubsub.Message { return &pubsub.Message{Data: []byte(s)} }

// receive calls back, one at a time, until `done` says true.
func (f *fixture) receive(name string, done func(*pubsub.Message) bool) {
	f.Helper()
	ctx, stop := context.WithTimeout(f.ctx, 30*time.Second)
	defer stop()
	finished := false
	var lock sync.Mutex
	err := f.client.Subscriber(name).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		lock.Lock()
		defer lock.Unlock()
		if !finished && done(m) {
			finished = true
			stop()
		}
	})
	f.must(err)
	if !finished {
		f.Fatal("not all came")
	}
}

func (f *fixture) code(err error, want codes.Code) {
	f.Helper()
	if status.Code(err) != want {
		f.Fatalf("%v, not %v", err, want)
	}
}

// The client pings every 30 s by keepalive protocol 1, and gives a stream up
// that does not answer within 15 s. One stream must outlive that.
func TestIdleStreamIsNotReconnected(t *testing.T) {
	t.Parallel()
	var streams atomic.Int32
	count := func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		streams.Add(1)
		return streamer(ctx, d, c, method, opts...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client, err := pubsub.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"),
		option.WithGRPCDialOption(grpc.WithStreamInterceptor(count)))
	f := &fixture{t, client, ctx, "projects/" + os.Getenv("GOOGLE_CLOUD_PROJECT")}
	f.must(err)
	defer client.Close()
	name := f.subscription(&pubsubpb.Subscription{Topic: f.topic()})
	idle, stop := context.WithTimeout(ctx, 50*time.Second)
	defer stop()
	subscriber := client.Subscriber(name)
	subscriber.ReceiveSettings.NumGoroutines = 1
	f.must(subscriber.Receive(idle, func(context.Context, *pubsub.Message) {}))
	if n := streams.Load(); n != 1 {
		t.Fatalf("%d streams", n)
	}
}

func TestPingsAndFirstFrames(t *testing.T) {
	f := newFixture(t)
	name := f.subscription(&pubsubpb.Subscription{Topic: f.topic()})
	open := func(first *pubsubpb.StreamingPullRequest) pubsubpb.Subscriber_StreamingPullClient {
		stream, err := f.client.SubscriptionAdminClient.StreamingPull(f.ctx)
		f.must(err)
		f.must(stream.Send(first))
		return stream
	}
	stream := open(&pubsubpb.StreamingPullRequest{Subscription: name, ProtocolVersion: 1,
		StreamAckDeadlineSeconds: 60, ClientId: "go"})
	for i := 0; i < 50; i++ {
		f.must(stream.Send(&pubsubpb.StreamingPullRequest{}))
		answer, err := stream.Recv()
		f.must(err)
		if answer.SubscriptionProperties == nil || len(answer.ReceivedMessages) > 0 {
			t.Fatalf("an odd answer to a ping: %v", answer)
		}
	}
	f.must(stream.Send(&pubsubpb.StreamingPullRequest{ProtocolVersion: 1}))
	_, err := stream.Recv()
	f.code(err, codes.InvalidArgument)

	stream = open(&pubsubpb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 60})
	f.must(stream.CloseSend())
	if _, err = stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("half-close: %v", err)
	}
	_, err = open(&pubsubpb.StreamingPullRequest{Subscription: name + "-not",
		StreamAckDeadlineSeconds: 60}).Recv()
	f.code(err, codes.NotFound)
}

func TestFlowControlOfAStreamCounts(t *testing.T) {
	f := newFixture(t)
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic})
	f.publish(topic, text("a"), text("b"), text("c"), text("d"))
	stream, err := f.client.SubscriptionAdminClient.StreamingPull(f.ctx)
	f.must(err)
	f.must(stream.Send(&pubsubpb.StreamingPullRequest{Subscription: name,
		StreamAckDeadlineSeconds: 60, MaxOutstandingMessages: 2}))
	var ids []string
	for len(ids) < 2 {
		answer, err := stream.Recv()
		f.must(err)
		for _, m := range answer.ReceivedMessages {
			ids = append(ids, m.AckId)
		}
	}
	// the answer to a ping comes first: nothing else was on its way
	f.must(stream.Send(&pubsubpb.StreamingPullRequest{}))
	answer, err := stream.Recv()
	f.must(err)
	if len(ids) != 2 || len(answer.ReceivedMessages) != 0 {
		t.Fatalf("%d beyond the limit of 2", len(ids)+len(answer.ReceivedMessages))
	}
	f.must(f.client.SubscriptionAdminClient.Acknowledge(f.ctx,
		&pubsubpb.AcknowledgeRequest{Subscription: name, AckIds: ids[:1]}))
	answer, err = stream.Recv()
	f.must(err)
	if len(answer.ReceivedMessages) != 1 {
		t.Fatalf("%d for one free place", len(answer.ReceivedMessages))
	}
	f.must(stream.CloseSend())
}

func TestExactlyOnceResults(t *testing.T) {
	f := newFixture(t)
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic, EnableExactlyOnceDelivery: true})
	const n = 20
	for i := 0; i < n; i++ {
		f.publish(topic, text(fmt.Sprint(i)))
	}
	seen := map[string]int{}
	f.receive(name, func(m *pubsub.Message) bool {
		seen[string(m.Data)]++
		result, err := m.AckWithResult().Get(f.ctx)
		if err != nil || result != pubsub.AcknowledgeStatusSuccess {
			t.Errorf("%v %v", result, err)
		}
		return len(seen) == n
	})
	for data, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", data, times)
		}
	}
}

func TestOrderedMessagesComeInOrder(t *testing.T) {
	f := newFixture(t)
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic, EnableMessageOrdering: true})
	const n = 500
	var all []*pubsub.Message
	for i := 0; i < n; i++ {
		all = append(all, &pubsub.Message{Data: []byte(fmt.Sprint(i)), OrderingKey: "k"})
	}
	f.publish(topic, all...)
	next := 0
	f.receive(name, func(m *pubsub.Message) bool {
		if string(m.Data) != fmt.Sprint(next) {
			t.Errorf("%s, not %d", m.Data, next)
		}
		next++
		m.Ack()
		return next == n
	})
}

func TestNackedMessageBecomesADeadLetter(t *testing.T) {
	f := newFixture(t)
	topic, dead := f.topic(), f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: dead, MaxDeliveryAttempts: 5}})
	buried := f.subscription(&pubsubpb.Subscription{Topic: dead})
	f.publish(topic, text("bad"))
	attempts := 0
	f.receive(name, func(m *pubsub.Message) bool {
		attempts++
		if m.DeliveryAttempt == nil || *m.DeliveryAttempt != attempts {
			t.Errorf("attempt %v, not %d", m.DeliveryAttempt, attempts)
		}
		m.Nack()
		return attempts == 5
	})
	f.receive(buried, func(m *pubsub.Message) bool {
		m.Ack()
		if m.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] != "5" || m.DeliveryAttempt != nil {
			t.Errorf("%v %v", m.Attributes, m.DeliveryAttempt)
		}
		return true
	})
}

func TestSeekAndSnapshot(t *testing.T) {
	f := newFixture(t)
	admin := f.client.SubscriptionAdminClient
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic, RetainAckedMessages: true})
	before := timestamppb.Now()
	f.publish(topic, text("x"))
	snapshot, err := admin.CreateSnapshot(f.ctx, &pubsubpb.CreateSnapshotRequest{
		Name: f.project + "/snapshots/go-snapshot", Subscription: name})
	f.must(err)
	once := func(m *pubsub.Message) bool { m.Ack(); return true }
	f.receive(name, once)
	_, err = admin.Seek(f.ctx, &pubsubpb.SeekRequest{Subscription: name,
		Target: &pubsubpb.SeekRequest_Snapshot{Snapshot: snapshot.Name}})
	f.must(err)
	f.receive(name, once)
	_, err = admin.Seek(f.ctx, &pubsubpb.SeekRequest{Subscription: name,
		Target: &pubsubpb.SeekRequest_Time{Time: before}})
	f.must(err)
	f.receive(name, once)
	_, err = admin.Seek(f.ctx, &pubsubpb.SeekRequest{Subscription: name})
	f.code(err, codes.InvalidArgument)
	f.must(admin.DeleteSnapshot(f.ctx, &pubsubpb.DeleteSnapshotRequest{Snapshot: snapshot.Name}))
}

func TestMasksListsAndErrors(t *testing.T) {
	f := newFixture(t)
	topics, admin := f.client.TopicAdminClient, f.client.SubscriptionAdminClient
	topic := f.topic()
	changed, err := topics.UpdateTopic(f.ctx, &pubsubpb.UpdateTopicRequest{
		Topic:      &pubsubpb.Topic{Name: topic, Labels: map[string]string{"a": "b"}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	f.must(err)
	if changed.Labels["a"] != "b" {
		t.Error(changed)
	}
	names := map[string]bool{}
	for i := 0; i < 5; i++ {
		names[f.subscription(&pubsubpb.Subscription{Topic: topic,
			RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}})] = true
	}
	rows := topics.ListTopicSubscriptions(f.ctx,
		&pubsubpb.ListTopicSubscriptionsRequest{Topic: topic, PageSize: 2})
	for {
		name, err := rows.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		f.must(err)
		delete(names, name)
	}
	if len(names) > 0 {
		t.Errorf("not listed: %v", names)
	}
	_, err = admin.GetSubscription(f.ctx, &pubsubpb.GetSubscriptionRequest{
		Subscription: f.project + "/subscriptions/no-such"})
	f.code(err, codes.NotFound)
	_, err = topics.CreateTopic(f.ctx, &pubsubpb.Topic{Name: topic})
	f.code(err, codes.AlreadyExists)
	err = f.client.Subscriber("no-such").Receive(f.ctx, func(context.Context, *pubsub.Message) {})
	f.code(err, codes.NotFound)
}
