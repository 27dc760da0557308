// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"slices"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// What every admin client of a resource with a policy can do.
type policyClient interface {
	GetIamPolicy(context.Context, *iampb.GetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
	SetIamPolicy(context.Context, *iampb.SetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
	TestIamPermissions(context.Context, *iampb.TestIamPermissionsRequest, ...gax.CallOption) (*iampb.TestIamPermissionsResponse, error)
}

func TestPoliciesAreReadModifiedAndWritten(t *testing.T) {
	f := newFixture(t)
	topic := f.topic()
	subscription := f.subscription(&pubsubpb.Subscription{Topic: topic})
	for resource, c := range map[string]policyClient{
		topic: f.client.TopicAdminClient, subscription: f.client.SubscriptionAdminClient} {
		policy, err := c.GetIamPolicy(f.ctx, &iampb.GetIamPolicyRequest{Resource: resource})
		f.must(err)
		stale := policy.Etag
		policy.Bindings = []*iampb.Binding{{Role: "roles/pubsub.editor", Members: []string{"allUsers"}}}
		made, err := c.SetIamPolicy(f.ctx, &iampb.SetIamPolicyRequest{Resource: resource, Policy: policy})
		f.must(err)
		shown, err := c.GetIamPolicy(f.ctx, &iampb.GetIamPolicyRequest{Resource: resource})
		f.must(err)
		if !proto.Equal(shown, made) || len(shown.Bindings) != 1 {
			t.Errorf("set %v, shown %v", made, shown)
		}
		policy.Etag = stale
		_, err = c.SetIamPolicy(f.ctx, &iampb.SetIamPolicyRequest{Resource: resource, Policy: policy})
		f.code(err, codes.Aborted)
		answer, err := c.TestIamPermissions(f.ctx, &iampb.TestIamPermissionsRequest{
			Resource: resource, Permissions: []string{"pubsub.topics.publish", "pubsub.subscriptions.consume"}})
		f.must(err)
		if want := map[bool]string{true: "pubsub.topics.publish", false: "pubsub.subscriptions.consume"}[resource == topic]; !slices.Equal(answer.Permissions, []string{want}) {
			t.Errorf("%s: %v", resource, answer.Permissions)
		}
	}
}
