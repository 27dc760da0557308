/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/partial.h"

#include <check.h>

#include "common/buf.h"
#include "emulator/transcode.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

#define TYPE google__pubsub__v1__list_topics_response__descriptor

/* What is asked of: two topics with labels, a schema and times. */
static const char answer[] =
    "{\"topics\":[{\"name\":\"t\",\"labels\":{\"a\":\"1\",\"b\":\"2\"},"
    "\"kmsKeyName\":\"k\",\"schemaSettings\":{\"schema\":\"s\","
    "\"encoding\":\"JSON\"},\"messageRetentionDuration\":\"60s\","
    "\"state\":\"ACTIVE\"},{\"name\":\"u\",\"labels\":{\"b\":\"3\"}}],"
    "\"nextPageToken\":\"n\"}";

static const struct {
    const char *fields, *shown; /* NULL: refused */
} cases[] = {
    {"nextPageToken", "{\"nextPageToken\":\"n\"}"},
    {"next_page_token", "{\"nextPageToken\":\"n\"}"},
    {"topics/name", "{\"topics\":[{\"name\":\"t\"},{\"name\":\"u\"}]}"},
    {"topics.name", "{\"topics\":[{\"name\":\"t\"},{\"name\":\"u\"}]}"},
    {"topics(name)", "{\"topics\":[{\"name\":\"t\"},{\"name\":\"u\"}]}"},
    {"topics( name ) ", NULL},
    {" topics ( name,kmsKeyName )",
     "{\"topics\":[{\"name\":\"t\",\"kmsKeyName\":\"k\"},{\"name\":\"u\"}]}"},
    {"topics/name,topics/kmsKeyName",
     "{\"topics\":[{\"name\":\"t\",\"kmsKeyName\":\"k\"},{\"name\":\"u\"}]}"},
    {"topics(labels/b,schemaSettings(encoding))",
     "{\"topics\":[{\"labels\":{\"b\":\"2\"},\"schemaSettings\":{\"encoding\":"
     "\"JSON\"}},{\"labels\":{\"b\":\"3\"}}]}"},
    {"topics/labels/zz", "{\"topics\":[{\"labels\":{}},{\"labels\":{}}]}"},
    {"topics/messageRetentionDuration",
     "{\"topics\":[{\"messageRetentionDuration\":\"60s\"},{}]}"},
    {"*", answer},
    {"*,topics/name", answer},
    {"topics/name,topics",
     "{\"topics\":[{\"name\":\"t\",\"labels\":{\"a\":\"1\",\"b\":\"2\"},"
     "\"kmsKeyName\":\"k\",\"schemaSettings\":{\"schema\":\"s\","
     "\"encoding\":\"JSON\"},\"messageRetentionDuration\":\"60s\","
     "\"state\":\"ACTIVE\"},{\"name\":\"u\",\"labels\":{\"b\":\"3\"}}]}"},
    {"topics,topics/name,nextPageToken", answer},
    {"*/name", "{\"topics\":[{\"name\":\"t\"},{\"name\":\"u\"}]}"},
    {"topics/*/encoding",
     "{\"topics\":[{\"labels\":{},\"schemaSettings\":{\"encoding\":"
     "\"JSON\"}},{\"labels\":{}}]}"},
    {"topic", NULL},
    {"topics/nada", NULL},
    {"topics/name/x", NULL},
    {"topics/messageRetentionDuration/seconds", NULL},
    {"*/nada", NULL},
    {"*/name,nextPageToken", NULL},
    {"", NULL},
    {",", NULL},
    {"topics/", NULL},
    {"topics(", NULL},
    {"topics()", NULL},
    {"topics(name", NULL},
    {"topics)", NULL},
    {"topics(name)x", NULL},
    {"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", NULL},
};

START_TEST(shows_what_is_asked_for)
{
    ProtobufCMessage *m;
    struct partial *p = NULL;
    struct err err = {0};
    struct buf out;
    int rc = partial_parse(str_from(cases[_i].fields), &p, &err);

    if (rc == RC_OK)
        rc = partial_check(p, &TYPE, &err);
    ck_assert_msg((rc == RC_OK) == (cases[_i].shown != NULL), "%s: %s",
                  cases[_i].fields, err.text);
    if (rc) {
        ck_assert_int_eq(rc, RC_INVALID);
        ck_assert(err.text[0]);
    } else {
        ck_assert_int_eq(transcode_read(&TYPE, str_from(answer), &m, &err),
                         RC_OK);
        buf_init(&out, 1 << 20);
        transcode_write_as(
            m, &(struct transcode_form){.compact = true, .fields = p}, &out);
        ck_assert_str_eq(out.data, cases[_i].shown);
        buf_fini(&out);
        protobuf_c_message_free_unpacked(m, NULL);
    }
    partial_free(p);
}
END_TEST

START_TEST(long_selections_are_refused)
{
    static char text[5000];
    struct partial *p;

    memset(text, 'a', sizeof(text));
    ck_assert_int_eq(partial_parse(str_of(text, sizeof(text)), &p, NULL),
                     RC_INVALID);
}
END_TEST

START_TEST(enums_are_numbers_on_request)
{
    static const char json[] = "{\"topics\":[{\"state\":\"ACTIVE\"}]}";
    ProtobufCMessage *m;
    struct buf out;

    ck_assert_int_eq(transcode_read(&TYPE, str_from(json), &m, NULL), RC_OK);
    buf_init(&out, 4096);
    transcode_write_as(
        m, &(struct transcode_form){.compact = true, .enum_numbers = true},
        &out);
    ck_assert_str_eq(out.data, "{\"topics\":[{\"state\":1}]}");
    buf_fini(&out);
    protobuf_c_message_free_unpacked(m, NULL);
}
END_TEST

Suite *suite_partial(void);
Suite *suite_partial(void)
{
    Suite *s = suite_create("partial");
    TCase *tc = tcase_create("partial");

    tcase_add_loop_test(tc, shows_what_is_asked_for, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, long_selections_are_refused);
    tcase_add_test(tc, enums_are_numbers_on_request);
    suite_add_tcase(s, tc);
    return s;
}
