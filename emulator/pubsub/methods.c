/* SPDX-License-Identifier: Apache-2.0 */
/* All unary calls: path, messages, REST forms (google/pubsub/v1/pubsub.proto's
 * http options). */
#include "emulator/pubsub/admin.h"
#include "google/iam/v1/iam_policy.pb-c.h"
#include "google/pubsub/v1/schema.pb-c.h"

#define TOPIC   "projects/*/topics/*"
#define SUB     "projects/*/subscriptions/*"
#define SNAP    "projects/*/snapshots/*"
#define SCHEMA  "projects/*/schemas/*"
#define PROJECT "projects/*"

#define METHOD(raw_, service, method, in, out, run_, resource_, ...)           \
    {                                                                          \
        .path = "/google.pubsub.v1." service "/" method,                       \
        .input = &google__pubsub__v1__##in##__descriptor,                      \
        .output = &google__##out##__descriptor, .raw = raw_, .run = run_,      \
        .resource = resource_, .rest = {__VA_ARGS__},                          \
    }
#define HOT(...) METHOD(true, __VA_ARGS__)
#define ROW(...) METHOD(false, __VA_ARGS__)
/* One verb of all that have a policy. */
#define IAM(method, in, out, run_, http, verb)                                 \
    {                                                                          \
        .path = "/google.iam.v1.IAMPolicy/" method,                            \
        .input = &google__iam__v1__##in##__descriptor,                         \
        .output = &google__iam__v1__##out##__descriptor, .run = run_,          \
        .resource = "resource",                                                \
        .rest = {http(TOPIC, verb), http(SUB, verb), http(SNAP, verb),         \
                 http(SCHEMA, verb)},                                          \
    }
#define IAM_GET(name, verb)  "GET /v1/{resource=" name "}:" verb
#define IAM_POST(name, verb) "POST /v1/{resource=" name "}:" verb " body=*"

const struct rpc_method pubsub_methods[] = {
    HOT("Publisher", "Publish", publish_request, pubsub__v1__publish_response,
        publish_run, "topic", "POST /v1/{topic=" TOPIC "}:publish body=*"),
    HOT("Subscriber", "Acknowledge", acknowledge_request, protobuf__empty,
        acknowledge_run, "subscription",
        "POST /v1/{subscription=" SUB "}:acknowledge body=*"),
    HOT("Subscriber", "ModifyAckDeadline", modify_ack_deadline_request,
        protobuf__empty, modify_deadline_run, "subscription",
        "POST /v1/{subscription=" SUB "}:modifyAckDeadline body=*"),
    HOT("Subscriber", "Pull", pull_request, pubsub__v1__pull_response, pull_run,
        "subscription", "POST /v1/{subscription=" SUB "}:pull body=*"),

    /* before those whose star takes a name with its verb too */
    IAM("GetIamPolicy", get_iam_policy_request, policy, policy_get_run, IAM_GET,
        "getIamPolicy"),
    IAM("SetIamPolicy", set_iam_policy_request, policy, policy_set_run,
        IAM_POST, "setIamPolicy"),
    IAM("TestIamPermissions", test_iam_permissions_request,
        test_iam_permissions_response, policy_test_run, IAM_POST,
        "testIamPermissions"),

    ROW("Publisher", "CreateTopic", topic, pubsub__v1__topic, topic_create_run,
        "name", "PUT /v1/{name=" TOPIC "} body=*"),
    ROW("Publisher", "UpdateTopic", update_topic_request, pubsub__v1__topic,
        topic_update_run, "topic.name",
        "PATCH /v1/{topic.name=" TOPIC "} body=*"),
    ROW("Publisher", "GetTopic", get_topic_request, pubsub__v1__topic,
        topic_get_run, "topic", "GET /v1/{topic=" TOPIC "}"),
    ROW("Publisher", "ListTopics", list_topics_request,
        pubsub__v1__list_topics_response, topic_list_run, "project",
        "GET /v1/{project=projects/*}/topics"),
    ROW("Publisher", "ListTopicSubscriptions", list_topic_subscriptions_request,
        pubsub__v1__list_topic_subscriptions_response,
        topic_list_subscriptions_run, "topic",
        "GET /v1/{topic=" TOPIC "}/subscriptions"),
    ROW("Publisher", "ListTopicSnapshots", list_topic_snapshots_request,
        pubsub__v1__list_topic_snapshots_response, topic_list_snapshots_run,
        "topic", "GET /v1/{topic=" TOPIC "}/snapshots"),
    ROW("Publisher", "DeleteTopic", delete_topic_request, protobuf__empty,
        topic_delete_run, "topic", "DELETE /v1/{topic=" TOPIC "}"),
    ROW("Publisher", "DetachSubscription", detach_subscription_request,
        pubsub__v1__detach_subscription_response, subscription_detach_run,
        "subscription", "POST /v1/{subscription=" SUB "}:detach"),

    ROW("Subscriber", "CreateSubscription", subscription,
        pubsub__v1__subscription, subscription_create_run, "name",
        "PUT /v1/{name=" SUB "} body=*"),
    ROW("Subscriber", "GetSubscription", get_subscription_request,
        pubsub__v1__subscription, subscription_get_run, "subscription",
        "GET /v1/{subscription=" SUB "}"),
    ROW("Subscriber", "UpdateSubscription", update_subscription_request,
        pubsub__v1__subscription, subscription_update_run, "subscription.name",
        "PATCH /v1/{subscription.name=" SUB "} body=*"),
    ROW("Subscriber", "ListSubscriptions", list_subscriptions_request,
        pubsub__v1__list_subscriptions_response, subscription_list_run,
        "project", "GET /v1/{project=projects/*}/subscriptions"),
    ROW("Subscriber", "DeleteSubscription", delete_subscription_request,
        protobuf__empty, subscription_delete_run, "subscription",
        "DELETE /v1/{subscription=" SUB "}"),
    ROW("Subscriber", "ModifyPushConfig", modify_push_config_request,
        protobuf__empty, subscription_modify_push_run, "subscription",
        "POST /v1/{subscription=" SUB "}:modifyPushConfig body=*"),

    ROW("Subscriber", "GetSnapshot", get_snapshot_request, pubsub__v1__snapshot,
        snapshot_get_run, "snapshot", "GET /v1/{snapshot=" SNAP "}"),
    ROW("Subscriber", "ListSnapshots", list_snapshots_request,
        pubsub__v1__list_snapshots_response, snapshot_list_run, "project",
        "GET /v1/{project=projects/*}/snapshots"),
    ROW("Subscriber", "CreateSnapshot", create_snapshot_request,
        pubsub__v1__snapshot, snapshot_create_run, "name",
        "PUT /v1/{name=" SNAP "} body=*"),
    ROW("Subscriber", "UpdateSnapshot", update_snapshot_request,
        pubsub__v1__snapshot, snapshot_update_run, "snapshot.name",
        "PATCH /v1/{snapshot.name=" SNAP "} body=*"),
    ROW("Subscriber", "DeleteSnapshot", delete_snapshot_request,
        protobuf__empty, snapshot_delete_call_run, "snapshot",
        "DELETE /v1/{snapshot=" SNAP "}"),
    ROW("Subscriber", "Seek", seek_request, pubsub__v1__seek_response, seek_run,
        "subscription", "POST /v1/{subscription=" SUB "}:seek body=*"),

    /* those with a verb first: a star takes a name with its verb too */
    ROW("SchemaService", "ListSchemaRevisions", list_schema_revisions_request,
        pubsub__v1__list_schema_revisions_response, schema_list_revisions_run,
        "name", "GET /v1/{name=" SCHEMA "}:listRevisions"),
    ROW("SchemaService", "DeleteSchemaRevision", delete_schema_revision_request,
        pubsub__v1__schema, schema_delete_revision_run, "name",
        "DELETE /v1/{name=" SCHEMA "}:deleteRevision"),
    ROW("SchemaService", "CommitSchema", commit_schema_request,
        pubsub__v1__schema, schema_commit_run, "name",
        "POST /v1/{name=" SCHEMA "}:commit body=*"),
    ROW("SchemaService", "RollbackSchema", rollback_schema_request,
        pubsub__v1__schema, schema_rollback_run, "name",
        "POST /v1/{name=" SCHEMA "}:rollback body=*"),
    ROW("SchemaService", "CreateSchema", create_schema_request,
        pubsub__v1__schema, schema_create_run, "parent",
        "POST /v1/{parent=" PROJECT "}/schemas body=schema"),
    ROW("SchemaService", "GetSchema", get_schema_request, pubsub__v1__schema,
        schema_get_run, "name", "GET /v1/{name=" SCHEMA "}"),
    ROW("SchemaService", "ListSchemas", list_schemas_request,
        pubsub__v1__list_schemas_response, schema_list_run, "parent",
        "GET /v1/{parent=" PROJECT "}/schemas"),
    ROW("SchemaService", "DeleteSchema", delete_schema_request, protobuf__empty,
        schema_delete_run, "name", "DELETE /v1/{name=" SCHEMA "}"),
    ROW("SchemaService", "ValidateSchema", validate_schema_request,
        pubsub__v1__validate_schema_response, schema_validate_run, "parent",
        "POST /v1/{parent=" PROJECT "}/schemas:validate body=*"),
    ROW("SchemaService", "ValidateMessage", validate_message_request,
        pubsub__v1__validate_message_response, schema_validate_message_run,
        "parent",
        "POST /v1/{parent=" PROJECT "}/schemas:validateMessage body=*"),
};
const size_t pubsub_n_methods =
    sizeof(pubsub_methods) / sizeof(pubsub_methods[0]);
