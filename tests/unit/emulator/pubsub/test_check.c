/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and field masks. */
#include "emulator/pubsub/check.h"

#include <check.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/transcode.h"

static void *read_json(const ProtobufCMessageDescriptor *type, const char *json)
{
    ProtobufCMessage *m;
    struct err err;

    ck_assert_msg(transcode_read(type, str_from(json), &m, &err) == RC_OK,
                  "%s: %s", json, err.text);
    return m;
}

static void shows(const ProtobufCMessage *m, const char *json)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    transcode_write_compact(m, &out);
    ck_assert_str_eq(out.data, json);
    buf_fini(&out);
}

/* --- masks ---------------------------------------------------------------- */

static const char *const mutable_fields[] = {"labels", "retry_policy",
                                             "ack_deadline_seconds",
                                             "dead_letter_policy", NULL};

#define OLD                                                                    \
    "{\"name\":\"s\",\"ackDeadlineSeconds\":10,\"labels\":{\"a\":\"1\"},"      \
    "\"retryPolicy\":{\"minimumBackoff\":\"1s\",\"maximumBackoff\":\"2s\"}}"
#define NEW                                                                    \
    "{\"name\":\"other\",\"ackDeadlineSeconds\":20,\"retryPolicy\":{"          \
    "\"minimumBackoff\":\"5s\"},\"deadLetterPolicy\":{\"deadLetterTopic\":"    \
    "\"t\",\"maxDeliveryAttempts\":7}}"

static const struct {
    const char *paths[3];
    const char *shown; /* NULL: refused, `why` says so */
    const char *why;
} masks[] = {
    {{"ack_deadline_seconds"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":20,\"labels\":{\"a\":\"1\"},"
     "\"retryPolicy\":{\"minimumBackoff\":\"1s\",\"maximumBackoff\":\"2s\"}}",
     NULL},
    {{"labels"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":10,"
     "\"retryPolicy\":{\"minimumBackoff\":\"1s\",\"maximumBackoff\":\"2s\"}}",
     NULL},
    {{"retry_policy"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":10,\"labels\":{\"a\":\"1\"},"
     "\"retryPolicy\":{\"minimumBackoff\":\"5s\"}}",
     NULL},
    {{"retry_policy.minimum_backoff"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":10,\"labels\":{\"a\":\"1\"},"
     "\"retryPolicy\":{\"minimumBackoff\":\"5s\",\"maximumBackoff\":\"2s\"}}",
     NULL},
    {{"retry_policy.maximum_backoff", "labels"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":10,"
     "\"retryPolicy\":{\"minimumBackoff\":\"1s\"}}",
     NULL},
    {{"dead_letter_policy.max_delivery_attempts"},
     "{\"name\":\"s\",\"ackDeadlineSeconds\":10,\"labels\":{\"a\":\"1\"},"
     "\"deadLetterPolicy\":{\"maxDeliveryAttempts\":7},"
     "\"retryPolicy\":{\"minimumBackoff\":\"1s\",\"maximumBackoff\":\"2s\"}}",
     NULL},
    {{NULL}, NULL, "must be set"},
    {{"name"}, NULL, "'name' field in the Subscription is not mutable"},
    {{"filter"}, NULL, "'filter' field in the Subscription is not mutable"},
    {{"nada"}, NULL, "'nada' is not a known Subscription field"},
    {{"labels", "nada"}, NULL, "'nada' is not a known Subscription field"},
    {{""}, NULL, "'' is not a known Subscription field"},
    {{"retry_policy.nada"}, NULL, "'retry_policy.nada' is not a known"},
    {{"labels.a"}, NULL, "'labels.a' is not a known"},
    {{"ack_deadline_seconds.x"}, NULL, "is not a known"},
    {{"retry_policy."}, NULL, "is not a known"},
};

START_TEST(a_mask_changes_what_it_names)
{
    const ProtobufCMessageDescriptor *type =
        &google__pubsub__v1__subscription__descriptor;
    ProtobufCMessage *to = read_json(type, OLD), *from = read_json(type, NEW);
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    struct err err = {0};
    enum grpc_status status;

    mask.paths = (char **)(uintptr_t)masks[_i].paths;
    while (mask.n_paths < 3 && mask.paths[mask.n_paths])
        mask.n_paths++;
    status =
        check_mask(to, from, &mask, "Subscription", mutable_fields, true, &err);
    if (masks[_i].shown) {
        ck_assert_msg(status == GRPC_OK, "%s", err.text);
        shows(to, masks[_i].shown);
    } else {
        ck_assert_int_eq(status, GRPC_INVALID_ARGUMENT);
        ck_assert_msg(strstr(err.text, masks[_i].why) != NULL, "%s", err.text);
    }
    protobuf_c_message_free_unpacked(to, NULL);
    protobuf_c_message_free_unpacked(from, NULL);
}
END_TEST

START_TEST(no_mask_is_refused)
{
    ProtobufCMessage *m =
        read_json(&google__pubsub__v1__topic__descriptor, "{}");

    ck_assert_int_eq(
        check_mask(m, m, NULL, "Topic", mutable_fields, true, NULL),
        GRPC_INVALID_ARGUMENT);
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

/* --- subscriptions -------------------------------------------------------- */

#define DEFAULTS                                                               \
    "\"messageRetentionDuration\":\"604800s\",\"expirationPolicy\":{\"ttl\":"  \
    "\"2678400s\"}"

static const struct {
    const char *given;
    bool strict, lenient; /* accepted? */
    enum grpc_status status;
} settings[] = {
    {"{}", true, true, 0},
    {"{\"ackDeadlineSeconds\":9}", false, true, GRPC_INVALID_ARGUMENT},
    {"{\"ackDeadlineSeconds\":600}", true, true, 0},
    {"{\"ackDeadlineSeconds\":601}", false, false, GRPC_INVALID_ARGUMENT},
    {"{\"ackDeadlineSeconds\":-1}", false, false, GRPC_INVALID_ARGUMENT},
    {"{\"messageRetentionDuration\":\"599s\"}", false, false,
     GRPC_INVALID_ARGUMENT},
    {"{\"messageRetentionDuration\":\"600s\"}", true, true, 0},
    {"{\"messageRetentionDuration\":\"2678400s\"}", true, true, 0},
    {"{\"messageRetentionDuration\":\"2678400.1s\"}", false, false,
     GRPC_INVALID_ARGUMENT},
    {"{\"expirationPolicy\":{\"ttl\":\"86399s\"}}", false, true,
     GRPC_INVALID_ARGUMENT},
    {"{\"expirationPolicy\":{}}", true, true, 0},
    {"{\"deadLetterPolicy\":{\"maxDeliveryAttempts\":4}}", false, false,
     GRPC_OUT_OF_RANGE},
    {"{\"deadLetterPolicy\":{\"maxDeliveryAttempts\":101}}", false, false,
     GRPC_OUT_OF_RANGE},
    {"{\"deadLetterPolicy\":{\"maxDeliveryAttempts\":100}}", true, true, 0},
    {"{\"retryPolicy\":{\"minimumBackoff\":\"601s\"}}", false, false,
     GRPC_INVALID_ARGUMENT},
    {"{\"retryPolicy\":{\"minimumBackoff\":\"-1s\"}}", false, false,
     GRPC_INVALID_ARGUMENT},
    {"{\"retryPolicy\":{\"minimumBackoff\":\"20s\",\"maximumBackoff\":\"10s\"}"
     "}",
     false, false, GRPC_INVALID_ARGUMENT},
    {"{\"filter\":\"attributes:a\"}", true, true, 0},
    {"{\"filter\":\"attributes:\"}", false, false, GRPC_INVALID_ARGUMENT},
    {"{\"labels\":{\"a\":\"b\"}}", true, true, 0},
    {"{\"labels\":{\"\":\"b\"}}", false, true, GRPC_INVALID_ARGUMENT},
    {"{\"labels\":{\"A\":\"b\"}}", false, true, GRPC_INVALID_ARGUMENT},
    {"{\"labels\":{\"a\":\"B\"}}", false, true, GRPC_INVALID_ARGUMENT},
    {"{\"labels\":{\"ñ\":\"ñ-_9\"}}", true, true, 0},
};

START_TEST(subscriptions_have_limits)
{
    for (int strict = 0; strict < 2; strict++) {
        Google__Pubsub__V1__Subscription *s = read_json(
            &google__pubsub__v1__subscription__descriptor, settings[_i].given);
        struct err err = {0};
        bool ok = strict ? settings[_i].strict : settings[_i].lenient;
        enum grpc_status status = check_subscription(s, strict, &err);

        ck_assert_msg(status == (ok ? GRPC_OK : settings[_i].status),
                      "%s (strict %d): %d %s", settings[_i].given, strict,
                      status, err.text);
        ck_assert(ok || err.text[0]);
        protobuf_c_message_free_unpacked(&s->base, NULL);
    }
}
END_TEST

START_TEST(subscriptions_get_defaults)
{
    Google__Pubsub__V1__Subscription *s =
        read_json(&google__pubsub__v1__subscription__descriptor,
                  "{\"deadLetterPolicy\":{\"deadLetterTopic\":\"t\"},"
                  "\"retryPolicy\":{}}");

    ck_assert_int_eq(check_subscription(s, true, NULL), GRPC_OK);
    shows(&s->base,
          "{\"pushConfig\":{},\"ackDeadlineSeconds\":10," DEFAULTS
          ",\"deadLetterPolicy\":{\"deadLetterTopic\":\"t\","
          "\"maxDeliveryAttempts\":5},\"retryPolicy\":{\"minimumBackoff\":"
          "\"10s\",\"maximumBackoff\":\"600s\"},\"state\":\"ACTIVE\"}");
    protobuf_c_message_free_unpacked(&s->base, NULL);
}
END_TEST

/* --- topics, snapshots ---------------------------------------------------- */

static const struct {
    const char *given;
    bool strict;
} topics[] = {
    {"{}", true},
    {"{\"messageRetentionDuration\":\"600s\"}", true},
    {"{\"messageRetentionDuration\":\"599s\"}", false},
    {"{\"messageRetentionDuration\":\"2678401s\"}", false},
    {"{\"labels\":{\"9\":\"b\"}}", false},
};

START_TEST(topics_have_limits)
{
    Google__Pubsub__V1__Topic *t =
        read_json(&google__pubsub__v1__topic__descriptor, topics[_i].given);
    struct err err = {0};

    ck_assert_int_eq(check_topic(t, true, &err),
                     topics[_i].strict ? GRPC_OK : GRPC_INVALID_ARGUMENT);
    protobuf_c_message_free_unpacked(&t->base, NULL);
}
END_TEST

START_TEST(more_than_64_labels_are_refused)
{
    for (int n = 64; n < 66; n++) {
        struct buf json;
        Google__Pubsub__V1__Topic *t;

        buf_init(&json, 1 << 20);
        buf_puts(&json, "{\"labels\":{");
        for (int i = 0; i < n; i++)
            buf_printf(&json, "%s\"k%d\":\"\"", i ? "," : "", i);
        buf_puts(&json, "}}");
        t = read_json(&google__pubsub__v1__topic__descriptor, json.data);
        ck_assert_int_eq(check_topic(t, true, NULL),
                         n == 64 ? GRPC_OK : GRPC_INVALID_ARGUMENT);
        protobuf_c_message_free_unpacked(&t->base, NULL);
        buf_fini(&json);
    }
}
END_TEST

START_TEST(a_snapshot_expires)
{
    Google__Pubsub__V1__Snapshot *n =
        read_json(&google__pubsub__v1__snapshot__descriptor,
                  "{\"expireTime\":\"2030-01-01T00:00:00Z\"}");

    ck_assert_int_eq(check_snapshot(n, true, NULL), GRPC_OK);
    google__protobuf__timestamp__free_unpacked(n->expire_time, NULL);
    n->expire_time = NULL;
    ck_assert_int_eq(check_snapshot(n, true, NULL), GRPC_INVALID_ARGUMENT);
    protobuf_c_message_free_unpacked(&n->base, NULL);
}
END_TEST

#define LOOP(test, cases)                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(cases) / sizeof((cases)[0])))

Suite *suite_check(void);
Suite *suite_check(void)
{
    Suite *s = suite_create("check");
    TCase *tc = tcase_create("check");

    LOOP(a_mask_changes_what_it_names, masks);
    tcase_add_test(tc, no_mask_is_refused);
    LOOP(subscriptions_have_limits, settings);
    tcase_add_test(tc, subscriptions_get_defaults);
    LOOP(topics_have_limits, topics);
    tcase_add_test(tc, more_than_64_labels_are_refused);
    tcase_add_test(tc, a_snapshot_expires);
    suite_add_tcase(s, tc);
    return s;
}
