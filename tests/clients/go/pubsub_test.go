// SPDX-License-Identifier: Apache-2.0

// The official Go client against the emulator: what it publishes appears in
// GET /datos, and what it receives was published.
package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

type record struct {
	ID        string `json:"id"`
	Contenido string `json:"contenido"`
	Timestamp string `json:"timestamp"`
}

func newClient(t *testing.T) (*pubsub.Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	client, err := pubsub.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); cancel() })
	return client, ctx
}

// rowsOf asks the API for one id.
func rowsOf(t *testing.T, id string) []record {
	t.Helper()
	answer, err := http.Get(os.Getenv("DATOS_API_URL") + "/datos?id=" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct{ Datos []record }
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	return page.Datos
}

func TestPublishedRowAppears(t *testing.T) {
	client, ctx := newClient(t)
	publisher := client.Publisher("datos-topic")
	defer publisher.Stop()
	data, _ := json.Marshal(record{"go-1", "desde Go", "2025-01-14T12:00:00Z"})
	if _, err := publisher.Publish(ctx, &pubsub.Message{Data: data}).Get(ctx); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if rows := rowsOf(t, "go-1"); len(rows) == 1 {
			want := record{"go-1", "desde Go", "2025-01-14T12:00:00+00:00"}
			if rows[0] != want {
				t.Fatalf("%+v, not %+v", rows[0], want)
			}
			return
		}
	}
	t.Fatal("the row does not appear")
}

func TestReceivesWhatWasPublished(t *testing.T) {
	client, ctx := newClient(t)
	project := os.Getenv("GOOGLE_CLOUD_PROJECT")
	topic := "projects/" + project + "/topics/go-topic"
	subscription := "projects/" + project + "/subscriptions/go-subscription"
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(ctx,
		&pubsubpb.Subscription{Name: subscription, Topic: topic}); err != nil {
		t.Fatal(err)
	}
	publisher := client.Publisher("go-topic")
	defer publisher.Stop()
	const n = 200
	for i := 0; i < n; i++ {
		publisher.Publish(ctx, &pubsub.Message{
			Data:       []byte(fmt.Sprint(i)),
			Attributes: map[string]string{"n": fmt.Sprint(i)},
		})
	}
	publisher.Flush()
	receiving, stop := context.WithCancel(ctx)
	defer stop()
	var lock sync.Mutex
	seen := map[string]bool{}
	err := client.Subscriber("go-subscription").Receive(receiving,
		func(_ context.Context, m *pubsub.Message) {
			lock.Lock()
			defer lock.Unlock()
			if string(m.Data) != m.Attributes["n"] {
				t.Errorf("data %q beside attribute %q", m.Data, m.Attributes["n"])
			}
			seen[string(m.Data)] = true
			m.Ack()
			if len(seen) == n {
				stop()
			}
		})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != n {
		t.Fatalf("%d of %d received", len(seen), n)
	}
}
