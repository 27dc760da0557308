/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/transcode.h"
#include "google/iam/v1/iam_policy.pb-c.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

#define TYPE(name) &google__pubsub__v1__##name##__descriptor

/* Reads, writes on one line, compares; then once more through the wire. */
static const struct {
    const ProtobufCMessageDescriptor *type;
    const char *in, *out;
} shown[] = {
    {TYPE(topic), "", "{}"},
    {TYPE(topic), " \n", "{}"},
    {TYPE(topic), "{}", "{}"},
    {TYPE(topic), "{\"name\":\"projects/p/topics/t\",\"labels\":{\"a\":\"b\"}}",
     "{\"name\":\"projects/p/topics/t\",\"labels\":{\"a\":\"b\"}}"},
    {TYPE(topic), "{\"kms_key_name\":\"k\",\"satisfiesPzs\":true}",
     "{\"kmsKeyName\":\"k\",\"satisfiesPzs\":true}"},
    {TYPE(topic), "{\"name\":null,\"labels\":null}", "{}"},
    {TYPE(topic), "{\"messageRetentionDuration\":\"600.5s\",\"state\":1}",
     "{\"messageRetentionDuration\":\"600.500s\",\"state\":\"ACTIVE\"}"},
    {TYPE(topic), "{\"messageRetentionDuration\":\"-0.000001s\"}",
     "{\"messageRetentionDuration\":\"-0.000001s\"}"},
    {TYPE(topic),
     "{\"schemaSettings\":{\"schema\":\"s\",\"encoding\":\"JSON\"}}",
     "{\"schemaSettings\":{\"schema\":\"s\",\"encoding\":\"JSON\"}}"},
    {TYPE(topic), "{\"state\":77}", "{\"state\":77}"},
    {TYPE(topic),
     "{\"messageTransforms\":[{\"aiInference\":{\"unstructuredInference\":{"
     "\"parameters\":{\"a\":[1,null,\"x\",{\"b\":true}],\"c\":1.5e3}}}}]}",
     "{\"messageTransforms\":[{\"aiInference\":{\"unstructuredInference\":{"
     "\"parameters\":{\"a\":[1,null,\"x\",{\"b\":true}],\"c\":1500}}}}]}"},
    {TYPE(subscription), "{\"pushConfig\":{},\"ackDeadlineSeconds\":10}",
     "{\"pushConfig\":{},\"ackDeadlineSeconds\":10}"},
    {TYPE(subscription), "{\"ackDeadlineSeconds\":\"10\"}",
     "{\"ackDeadlineSeconds\":10}"},
    {TYPE(subscription), "{\"ackDeadlineSeconds\":1e1}",
     "{\"ackDeadlineSeconds\":10}"},
    {TYPE(subscription), "{\"cloudStorageConfig\":{\"maxBytes\":\"1000\"}}",
     "{\"cloudStorageConfig\":{\"maxBytes\":\"1000\"}}"},
    {TYPE(subscription),
     "{\"cloudStorageConfig\":{\"max_bytes\":9007199254740993}}",
     "{\"cloudStorageConfig\":{\"maxBytes\":\"9007199254740993\"}}"},
    {TYPE(subscription), "{\"expirationPolicy\":{}}",
     "{\"expirationPolicy\":{}}"},
    {TYPE(push_config), "{\"pubsubWrapper\":{}}", "{\"pubsubWrapper\":{}}"},
    {TYPE(push_config), "{\"noWrapper\":{\"writeMetadata\":false}}",
     "{\"noWrapper\":{}}"},
    {TYPE(pubsub_message), "{\"data\":\"aG9sYQ==\"}",
     "{\"data\":\"aG9sYQ==\"}"},
    {TYPE(pubsub_message), "{\"data\":\"aG9sYQ\"}", "{\"data\":\"aG9sYQ==\"}"},
    {TYPE(pubsub_message), "{\"data\":\"-_8=\"}", "{\"data\":\"+/8=\"}"},
    {TYPE(pubsub_message), "{\"data\":\"\"}", "{}"},
    {TYPE(pubsub_message), "{\"attributes\":{\"k\":\"\",\"\":\"v\"}}",
     "{\"attributes\":{\"k\":\"\",\"\":\"v\"}}"},
    {TYPE(pubsub_message), "{\"attributes\":{\"a\\\"\\u00e9\":\"\\n\"}}",
     "{\"attributes\":{\"a\\\"é\":\"\\n\"}}"},
    {TYPE(seek_request), "{\"time\":\"2025-01-14T10:00:00Z\"}",
     "{\"time\":\"2025-01-14T10:00:00Z\"}"},
    {TYPE(seek_request), "{\"time\":\"2025-01-14T10:00:00.123456789+01:00\"}",
     "{\"time\":\"2025-01-14T09:00:00.123456789Z\"}"},
    {TYPE(seek_request), "{\"time\":\"1969-12-31T23:59:59.5Z\"}",
     "{\"time\":\"1969-12-31T23:59:59.500Z\"}"},
    {TYPE(seek_request), "{\"snapshot\":\"\"}", "{\"snapshot\":\"\"}"},
    {TYPE(update_topic_request), "{\"updateMask\":\"labels,kmsKeyName\"}",
     "{\"updateMask\":\"labels,kmsKeyName\"}"},
    {TYPE(update_topic_request),
     "{\"updateMask\":\"schema_settings.encoding\"}",
     "{\"updateMask\":\"schemaSettings.encoding\"}"},
    {TYPE(publish_response), "{\"messageIds\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}",
     "{\"messageIds\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}"},
    {TYPE(streaming_pull_request), "{\"modifyDeadlineSeconds\":[0,-1,600]}",
     "{\"modifyDeadlineSeconds\":[0,-1,600]}"},
    {&google__iam__v1__policy__descriptor,
     "{\"bindings\":[{\"role\":\"r\",\"members\":[\"m\"],\"condition\":"
     "{\"title\":\"t\"}}],\"etag\":\"ACAB\",\"version\":1}",
     "{\"version\":1,\"etag\":\"ACAB\",\"bindings\":[{\"role\":\"r\","
     "\"members\":[\"m\"],\"condition\":{\"title\":\"t\"}}]}"},
};

static ProtobufCMessage *must_read(const ProtobufCMessageDescriptor *type,
                                   const char *json)
{
    ProtobufCMessage *m = NULL;
    struct err err = {0};
    int rc = transcode_read(type, str_from(json), &m, &err);

    ck_assert_msg(rc == RC_OK, "%s: %s", json, err.text);
    return m;
}

static void check_shown(const ProtobufCMessage *m, const char *want)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    transcode_write_compact(m, &out);
    ck_assert_str_eq(out.data, want);
    buf_fini(&out);
}

START_TEST(reads_and_shows_messages_as_production)
{
    ProtobufCMessage *m = must_read(shown[_i].type, shown[_i].in), *again;
    size_t len = protobuf_c_message_get_packed_size(m);
    uint8_t *wire = mem_alloc(len);

    check_shown(m, shown[_i].out);
    protobuf_c_message_pack(m, wire);
    again = protobuf_c_message_unpack(shown[_i].type, NULL, len, wire);
    ck_assert_ptr_nonnull(again);
    check_shown(again, shown[_i].out);
    protobuf_c_message_free_unpacked(again, NULL);
    protobuf_c_message_free_unpacked(m, NULL);
    mem_free(wire);
}
END_TEST

static const struct {
    const ProtobufCMessageDescriptor *type;
    const char *in, *why;
} refused[] = {
    {TYPE(topic), "{\"x\":1}",
     "Invalid JSON payload received. Unknown name \"x\": Cannot find field."},
    {TYPE(publish_request), "{\"messages\":[{},{\"dato\":\"\"}]}",
     "Invalid JSON payload received. Unknown name \"dato\" at 'messages[1]': "
     "Cannot find field."},
    {TYPE(publish_request), "{\"topic\":[]}",
     "Invalid JSON payload received. Unknown name \"topic\": Proto field is "
     "not repeating, cannot start list."},
    {TYPE(publish_request), "{\"messages\":[{\"data\":\"!!\"}]}",
     "Invalid value at 'messages[0].data' (TYPE_BYTES), Base64 decoding "
     "failed for \"!!\""},
    {TYPE(publish_request), "{\"messages\":{}}",
     "Invalid value at 'messages' (type.googleapis.com/"
     "google.pubsub.v1.PubsubMessage), {"},
    {TYPE(publish_request), "{\"messages\":[null]}",
     "Invalid value at 'messages[0]' (type.googleapis.com/"
     "google.pubsub.v1.PubsubMessage), null"},
    {TYPE(subscription), "{\"ackDeadlineSeconds\":\"abc\"}",
     "Invalid value at 'ack_deadline_seconds' (TYPE_INT32), \"abc\""},
    {TYPE(subscription), "{\"ackDeadlineSeconds\":99999999999}",
     "Invalid value at 'ack_deadline_seconds' (TYPE_INT32), 99999999999"},
    {TYPE(subscription), "{\"ackDeadlineSeconds\":1.5}",
     "Invalid value at 'ack_deadline_seconds' (TYPE_INT32), 1.5"},
    {TYPE(subscription), "{\"enableMessageOrdering\":1}",
     "Invalid value at 'enable_message_ordering' (TYPE_BOOL), 1"},
    {TYPE(topic), "{\"state\":\"NUNCA\"}",
     "Invalid value at 'state' (type.googleapis.com/"
     "google.pubsub.v1.Topic.State), \"NUNCA\""},
    {TYPE(topic), "{\"name\":7}", "Invalid value at 'name' (TYPE_STRING), 7"},
    {TYPE(topic), "{\"labels\":{\"a\":1}}",
     "Invalid value at 'labels.a' (TYPE_STRING), 1"},
    {TYPE(seek_request), "{\"time\":\"ayer\"}",
     "Invalid value at 'time' (type.googleapis.com/"
     "google.protobuf.Timestamp), \"ayer\""},
    {TYPE(topic), "{\"messageRetentionDuration\":\"10\"}",
     "Invalid value at 'message_retention_duration' (type.googleapis.com/"
     "google.protobuf.Duration), \"10\""},
    {TYPE(seek_request),
     "{\"snapshot\":\"s\",\"time\":\"2025-01-14T10:00:00Z\"}",
     "Invalid JSON payload received. Unknown name \"time\": another field of "
     "its oneof is already set."},
    {TYPE(topic), "{\"name\":\"a\\u0000b\"}",
     "Invalid value at 'name' (TYPE_STRING), \"a\\u0000b\""},
    {TYPE(topic), "[]", NULL},
    {TYPE(topic), "{\"name\":", NULL},
    {TYPE(topic), "{\"name\":\"a\"}}", NULL},
    {TYPE(topic), "{\"name\":\"\xff\"}", NULL},
    {TYPE(topic), "{name:1}", NULL},
};

START_TEST(refuses_with_googles_sentence)
{
    ProtobufCMessage *m = NULL;
    struct err err = {0};
    int rc =
        transcode_read(refused[_i].type, str_from(refused[_i].in), &m, &err);

    ck_assert_int_eq(rc, RC_INVALID);
    ck_assert_ptr_null(m);
    if (refused[_i].why)
        ck_assert_str_eq(err.text, refused[_i].why);
    else
        ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(indents_as_production)
{
    ProtobufCMessage *m =
        must_read(TYPE(subscription),
                  "{\"name\":\"s\",\"pushConfig\":{},\"labels\":{\"a\":\"b\"},"
                  "\"messageTransforms\":[{\"disabled\":true}]}");
    struct buf out;

    buf_init(&out, 1 << 16);
    transcode_write(m, &out);
    ck_assert_str_eq(out.data, "{\n"
                               "  \"name\": \"s\",\n"
                               "  \"pushConfig\": {},\n"
                               "  \"labels\": {\n"
                               "    \"a\": \"b\"\n"
                               "  },\n"
                               "  \"messageTransforms\": [\n"
                               "    {\n"
                               "      \"disabled\": true\n"
                               "    }\n"
                               "  ]\n"
                               "}");
    buf_fini(&out);
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

START_TEST(sets_fields_from_urls)
{
    ProtobufCMessage *m = must_read(TYPE(update_subscription_request), "{}");
    struct err err = {0};

    ck_assert_int_eq(transcode_set(m, STR("subscription.name"), STR("n"), &err),
                     RC_OK);
    ck_assert_int_eq(transcode_set(m, STR("subscription.name"), STR("m"), &err),
                     RC_OK);
    ck_assert_int_eq(
        transcode_set(m, STR("updateMask"), STR("labels,retryPolicy"), &err),
        RC_OK);
    ck_assert_int_eq(transcode_set(m, STR("subscription.ackDeadlineSeconds"),
                                   STR("20"), &err),
                     RC_OK);
    ck_assert_int_eq(transcode_set(m, STR("subscription.nada"), STR("x"), &err),
                     RC_NOT_FOUND);
    ck_assert_int_eq(
        transcode_set(m, STR("subscription.labels.x"), STR("x"), &err),
        RC_NOT_FOUND);
    ck_assert_int_eq(transcode_set(m, STR("subscription.ack_deadline_seconds"),
                                   STR("x"), &err),
                     RC_INVALID);
    ck_assert_str_eq(transcode_get(m, "subscription.name"), "m");
    ck_assert_str_eq(transcode_get(m, "subscription.topic"), "");
    ck_assert_str_eq(transcode_get(m, "nada.name"), "");
    check_shown(m, "{\"subscription\":{\"name\":\"m\",\"ackDeadlineSeconds\":"
                   "20},\"updateMask\":\"labels,retryPolicy\"}");
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

START_TEST(grows_repeated_fields_from_urls)
{
    ProtobufCMessage *m = must_read(TYPE(acknowledge_request), "{}");
    struct err err = {0};

    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(transcode_set(m, STR("ackIds"), STR("x"), &err),
                         RC_OK);
    ck_assert_uint_eq(((Google__Pubsub__V1__AcknowledgeRequest *)m)->n_ack_ids,
                      9);
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

START_TEST(merges_over_a_message_that_exists)
{
    ProtobufCMessage *m =
        must_read(TYPE(publish_request), "{\"topic\":\"a\",\"messages\":[{}]}");

    ck_assert_int_eq(
        transcode_merge(m, STR("{\"topic\":\"b\",\"messages\":[{},{}]}"), NULL),
        RC_OK);
    check_shown(m, "{\"topic\":\"b\",\"messages\":[{},{},{}]}");
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

/* Each allocation fails in turn: an error, no leak, no crash. */
START_TEST(survives_lack_of_memory)
{
    static const char json[] =
        "{\"topic\":\"t\",\"messages\":[{\"data\":\"aG9sYQ==\",\"attributes\":{"
        "\"a\":\"b\"},\"publishTime\":\"2025-01-14T10:00:00Z\"}]}";

    for (unsigned long n = 1;; n++) {
        ProtobufCMessage *m = NULL;
        int rc;

        mem_fail_after(n, 0);
        rc = transcode_read(TYPE(publish_request), str_from(json), &m, NULL);
        mem_fail_after(0, 0);
        if (rc == RC_OK) {
            protobuf_c_message_free_unpacked(m, NULL);
            ck_assert_uint_gt(n, 5);
            break;
        }
        ck_assert_int_eq(rc, RC_NOMEM);
    }
}
END_TEST

/* --- ranges --------------------------------------------------------------- */

static const struct {
    int64_t seconds;
    int32_t nanos;
    bool time, duration;
} ranges[] = {
    {0, 0, true, true},
    {0, 999999999, true, true},
    {700, 2000000000, false, false},
    {0, 1000000000, false, false},
    {0, -1, false, true},
    {1, -1, false, false},
    {-1, 1, true, false},
    {-1, -1, false, true},
    {253402300799, 0, true, true},
    {253402300800, 0, false, true},
    {-62135596800, 0, true, true},
    {-62135596801, 0, false, true},
    {315576000000, 0, false, true},
    {315576000001, 0, false, false},
    {-315576000001, 0, false, false},
    {INT64_MAX, 0, false, false},
    {INT64_MIN, 0, false, false},
};

START_TEST(times_and_durations_have_a_range)
{
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Duration of = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Pubsub__V1__SeekRequest seek =
        GOOGLE__PUBSUB__V1__SEEK_REQUEST__INIT;
    Google__Pubsub__V1__RetryPolicy retry =
        GOOGLE__PUBSUB__V1__RETRY_POLICY__INIT;
    Google__Pubsub__V1__Subscription sub =
        GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    struct err err = {0};

    ck_assert_int_eq(transcode_check_ranges(&seek.base, &err), RC_OK);
    at.seconds = of.seconds = ranges[_i].seconds;
    at.nanos = of.nanos = ranges[_i].nanos;
    seek.target_case = GOOGLE__PUBSUB__V1__SEEK_REQUEST__TARGET_TIME;
    seek.time = &at;
    ck_assert_int_eq(transcode_check_ranges(&seek.base, &err),
                     ranges[_i].time ? RC_OK : RC_INVALID);
    ck_assert(ranges[_i].time ||
              strstr(err.text, "Invalid value at 'time' (type."));
    retry.maximum_backoff = &of;
    sub.retry_policy = &retry;
    ck_assert_int_eq(transcode_check_ranges(&sub.base, &err),
                     ranges[_i].duration ? RC_OK : RC_INVALID);
    ck_assert(ranges[_i].duration ||
              strstr(err.text, "'retry_policy.maximum_backoff'"));
}
END_TEST

START_TEST(ranges_are_asked_of_each_element_but_of_no_other_oneof)
{
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Pubsub__V1__PubsubMessage messages[2] = {
        GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT,
        GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT};
    Google__Pubsub__V1__PubsubMessage *list[] = {&messages[0], &messages[1]};
    Google__Pubsub__V1__PublishRequest publish =
        GOOGLE__PUBSUB__V1__PUBLISH_REQUEST__INIT;
    Google__Pubsub__V1__SeekRequest seek =
        GOOGLE__PUBSUB__V1__SEEK_REQUEST__INIT;
    struct err err = {0};

    at.nanos = -5;
    messages[1].publish_time = &at;
    publish.messages = list;
    publish.n_messages = 2;
    ck_assert_int_eq(transcode_check_ranges(&publish.base, &err), RC_INVALID);
    ck_assert_str_eq(err.text,
                     "Invalid value at 'messages.publish_time' "
                     "(type.googleapis.com/google.protobuf.Timestamp), seconds "
                     "0 with nanos -5 is out of range");
    seek.target_case = GOOGLE__PUBSUB__V1__SEEK_REQUEST__TARGET_SNAPSHOT;
    seek.snapshot = (char *)(uintptr_t) "s";
    ck_assert_int_eq(transcode_check_ranges(&seek.base, &err), RC_OK);
}
END_TEST

Suite *suite_transcode(void);
Suite *suite_transcode(void)
{
    Suite *s = suite_create("transcode");
    TCase *tc = tcase_create("transcode");

    tcase_add_loop_test(tc, reads_and_shows_messages_as_production, 0,
                        sizeof(shown) / sizeof(shown[0]));
    tcase_add_loop_test(tc, refuses_with_googles_sentence, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tc, indents_as_production);
    tcase_add_test(tc, sets_fields_from_urls);
    tcase_add_test(tc, grows_repeated_fields_from_urls);
    tcase_add_test(tc, merges_over_a_message_that_exists);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_loop_test(tc, times_and_durations_have_a_range, 0,
                        sizeof(ranges) / sizeof(ranges[0]));
    tcase_add_test(tc, ranges_are_asked_of_each_element_but_of_no_other_oneof);
    suite_add_tcase(s, tc);
    return s;
}
