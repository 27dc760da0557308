// SPDX-License-Identifier: Apache-2.0

// Push as an application in Go meets it: tokens verified by Google's own
// validator, which asks the emulator for the keys.
package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const pusher = "pusher@datos-local.iam.gserviceaccount.com"

type pushed struct {
	header http.Header
	body   []byte
}

type envelope struct {
	Subscription    string
	DeliveryAttempt int
	Message         struct {
		Data        []byte
		Attributes  map[string]string
		MessageID   string `json:"messageId"`
		OrderingKey string
		PublishTime time.Time
	}
}

// An endpoint that answers what `answer` says to the n-th request.
func (f *fixture) endpoint(answer func(n int) int) (string, chan pushed) {
	f.Helper()
	got := make(chan pushed, 1000)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n++
		w.WriteHeader(answer(n))
		got <- pushed{r.Header, body}
	}))
	f.Cleanup(server.Close)
	return server.URL + "/push", got
}

func (f *fixture) next(got chan pushed) (pushed, envelope) {
	f.Helper()
	select {
	case p := <-got:
		var e envelope
		if json.Valid(p.body) {
			f.must(json.Unmarshal(p.body, &e))
		}
		return p, e
	case <-time.After(20 * time.Second):
		f.Fatal("nothing was pushed")
		panic("unreachable")
	}
}

func always(code int) func(int) int { return func(int) int { return code } }

// Sends what is meant for Google to the emulator.
type diverted struct{ host string }

func (d diverted) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", d.host, d.host
	return http.DefaultTransport.RoundTrip(r)
}

func TestPushIsVerifiedByGooglesValidator(t *testing.T) {
	f := newFixture(t)
	endpoint, got := f.endpoint(always(http.StatusNoContent))
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic, PushConfig: &pubsubpb.PushConfig{
		PushEndpoint: endpoint,
		AuthenticationMethod: &pubsubpb.PushConfig_OidcToken_{
			OidcToken: &pubsubpb.PushConfig_OidcToken{ServiceAccountEmail: pusher}}}})
	f.publish(topic, &pubsub.Message{Data: []byte("hola"), Attributes: map[string]string{"a": "b"}})
	p, e := f.next(got)
	if e.Subscription != name || string(e.Message.Data) != "hola" || e.Message.Attributes["a"] != "b" ||
		e.Message.MessageID == "" || time.Since(e.Message.PublishTime) > time.Minute {
		f.Fatalf("%s", p.body)
	}
	host := os.Getenv("BIGQUERY_EMULATOR_HOST")
	if u, err := url.Parse(host); err == nil && u.Host != "" {
		host = u.Host
	}
	validator, err := idtoken.NewValidator(f.ctx, option.WithHTTPClient(&http.Client{Transport: diverted{host}}))
	f.must(err)
	token := strings.TrimPrefix(p.header.Get("Authorization"), "Bearer ")
	payload, err := validator.Validate(f.ctx, token, endpoint) // the default audience
	f.must(err)
	if payload.Claims["email"] != pusher || payload.Claims["email_verified"] != true ||
		payload.Issuer != "https://accounts.google.com" {
		f.Fatalf("%v", payload)
	}
	if _, err := validator.Validate(f.ctx, token, "another"); err == nil {
		f.Fatal("valid for any audience")
	}
}

func TestPushKeepsTheOrderOfAKey(t *testing.T) {
	f := newFixture(t)
	endpoint, got := f.endpoint(func(n int) int { // the third fails once
		if n == 3 {
			return http.StatusInternalServerError
		}
		return http.StatusAccepted
	})
	topic := f.topic()
	f.subscription(&pubsubpb.Subscription{Topic: topic, EnableMessageOrdering: true,
		PushConfig: &pubsubpb.PushConfig{PushEndpoint: endpoint}})
	var messages []*pubsub.Message
	for i := range 6 {
		messages = append(messages, &pubsub.Message{Data: []byte(fmt.Sprint(i)), OrderingKey: "k"})
	}
	f.publish(topic, messages...)
	order := ""
	for range 7 {
		_, e := f.next(got)
		order += string(e.Message.Data)
	}
	if order != "0122345" {
		f.Fatal(order)
	}
}

func TestPushWithoutWrapper(t *testing.T) {
	f := newFixture(t)
	endpoint, got := f.endpoint(always(http.StatusOK))
	topic := f.topic()
	name := f.subscription(&pubsubpb.Subscription{Topic: topic, PushConfig: &pubsubpb.PushConfig{
		PushEndpoint: endpoint,
		Wrapper: &pubsubpb.PushConfig_NoWrapper_{
			NoWrapper: &pubsubpb.PushConfig_NoWrapper{WriteMetadata: true}}}})
	f.publish(topic, &pubsub.Message{Data: []byte("bare"), Attributes: map[string]string{"Content-Type": "text/x-test"}})
	p, _ := f.next(got)
	if string(p.body) != "bare" || p.header.Get("Content-Type") != "text/x-test" ||
		p.header.Get("X-Goog-Pubsub-Subscription-Name") != name {
		f.Fatalf("%v %s", p.header, p.body)
	}
}

func TestPushSubscriptionIsNotPulled(t *testing.T) {
	f := newFixture(t)
	endpoint, _ := f.endpoint(always(http.StatusOK))
	name := f.subscription(&pubsubpb.Subscription{Topic: f.topic(),
		PushConfig: &pubsubpb.PushConfig{PushEndpoint: endpoint}})
	_, err := f.client.SubscriptionAdminClient.Pull(f.ctx, &pubsubpb.PullRequest{Subscription: name, MaxMessages: 1})
	if status.Code(err) != codes.FailedPrecondition {
		f.Fatal(err)
	}
	_, err = f.client.SubscriptionAdminClient.CreateSubscription(f.ctx, &pubsubpb.Subscription{
		Name: name + "x", Topic: f.topic(), EnableExactlyOnceDelivery: true,
		PushConfig: &pubsubpb.PushConfig{PushEndpoint: endpoint}})
	if status.Code(err) != codes.InvalidArgument {
		f.Fatal(err)
	}
}
