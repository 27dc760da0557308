/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/avro_file.h"
#include "emulator/pubsub/cloud_storage_format.h"
#include "emulator/pubsub/cloud_storage_name.h"
#include "emulator/pubsub/message.h"

/* 2023-09-25T04:10:07Z */
#define TIME_US 1695615007000000

/* --- names ---------------------------------------------------------------- */

static const struct {
    const char *prefix, *format, *suffix, *name;
} names[] = {
    {"", "", "", "2023-09-25T04:10:07+00:00_ID"},
    {"prod_", "", "_archive", "prod_2023-09-25T04:10:07+00:00_ID_archive"},
    {"prod_", "YYYY-MM-DD/hh_mm_ssZ", "_archive",
     "prod_2023-09-25/04_10_07Z_ID_archive"},
    {"prod_", "YYYY-MM-DDThh_mm_ss-", "_archive",
     "prod_2023-09-25T04_10_07-ID_archive"},
    {"", "ss:mm:hhDDMMYY", ".txt", "07:10:04250923_ID.txt"},
    {"", "YYMMDDhhmmss/", "", "230925041007/ID"},
};

START_TEST(a_name_has_prefix_time_id_and_suffix)
{
    struct buf out;
    struct err err = {0};

    ck_assert_msg(
        cloud_storage_check_format(str_from(names[_i].format), &err) == RC_OK,
        "%s", err.text);
    buf_init(&out, 4096);
    cloud_storage_put_name(&out, str_from(names[_i].prefix),
                           str_from(names[_i].format),
                           str_from(names[_i].suffix), TIME_US, STR("ID"));
    ck_assert_msg(str_eq(buf_as_str(&out), str_from(names[_i].name)), "%.*s",
                  STR_ARG(buf_as_str(&out)));
    buf_fini(&out);
}
END_TEST

static const char *const bad_formats[] = {
    "YYYY-MM-DD",
    "YY-YYYY-MM-DD hh:mm:ss",
    "YYYYMMMDDhhmmss",
    "YYYYMMDDhhmmssTT",
    "YYYYMMDDhhmmssZ+00:00",
    "YYYYMMDDhhmmss+01:00",
    "YYYYMMDDhhmmss.",
    "yyyyMMDDhhmmss",
    "YYYYMMDDHHmmss",
    "YYYYMMDDhhmmssYY",
    "text",
    "YYYYMMDDhhmmss\n",
    "YYYYMMDDhhmmss\\..\\",
};

START_TEST(formats_that_are_none_are_refused)
{
    struct err err = {0};

    ck_assert_int_eq(
        cloud_storage_check_format(str_from(bad_formats[_i]), &err),
        RC_INVALID);
    ck_assert(str_starts(str_from(err.text), STR("Invalid filename datetime")));
}
END_TEST

static const struct {
    const char *bucket;
    bool is_valid;
} buckets[] = {
    {"abc", true},       {"a-b_c.d9", true},  {"0ab", true},   {"ab", false},
    {"", false},         {"Abc", false},      {"a/b", false},  {"../x", false},
    {".abc", false},     {"abc.", false},     {"a..b", false}, {"-abc", false},
    {"gs://abc", false}, {"google-x", false}, {"a b", false},
};

START_TEST(a_bucket_is_a_folders_name)
{
    ck_assert_msg(
        (cloud_storage_check_bucket(str_from(buckets[_i].bucket), NULL) ==
         RC_OK) == buckets[_i].is_valid,
        "%s", buckets[_i].bucket);
}
END_TEST

static const struct {
    const char *prefix, *format, *suffix;
    bool is_valid;
} paths[] = {
    {"", "", "", true},
    {"a/b/c", "YYYY/MM/DD/hh/mm/ss", ".d/e", true},
    {".", "", ".", true},
    {"..", "", "..", true},
    {"a/../", "", "", false},
    {"../", "", "", false},
    {"./", "", "", false},
    {"/", "", "", false},
    {"a//", "", "", false},
    {"", "/YYYYMMDDhhmmss", "", false},
    {"a/", "/YYYYMMDDhhmmss", "", false},
    {"../", "YYYYMMDDhhmmss//", "", false},
    {"", "", "/", false},
    {"", "", "/..", false},
    {"", "", "/../../x", false},
    {"a\n", "", "", false},
};

START_TEST(no_name_leaves_its_bucket)
{
    ck_assert_msg(
        (cloud_storage_check_names(
             str_from(paths[_i].prefix), str_from(paths[_i].format),
             str_from(paths[_i].suffix), NULL) == RC_OK) == paths[_i].is_valid,
        "%s %s %s", paths[_i].prefix, paths[_i].format, paths[_i].suffix);
}
END_TEST

START_TEST(names_have_a_longest)
{
    char text[1100];

    memset(text, 'p', sizeof(text));
    /* 25 bytes of time, one between, 36 of the id */
    ck_assert_int_eq(cloud_storage_check_names(str_of(text, 255 - 62), STR(""),
                                               STR(""), NULL),
                     RC_OK);
    ck_assert_int_eq(cloud_storage_check_names(str_of(text, 255 - 61), STR(""),
                                               STR(""), NULL),
                     RC_INVALID);
    for (size_t i = 99; i < sizeof(text); i += 100)
        text[i] = '/';
    ck_assert_int_eq(
        cloud_storage_check_names(str_of(text, 900), STR(""), STR(""), NULL),
        RC_OK);
    ck_assert_int_eq(
        cloud_storage_check_names(str_of(text, 1000), STR(""), STR(""), NULL),
        RC_INVALID);
}
END_TEST

/* --- Avro ----------------------------------------------------------------- */

static const struct {
    int64_t value;
    struct str bytes;
} longs[] = {
    {0, {"\0", 1}},
    {-1, {"\1", 1}},
    {1, {"\2", 1}},
    {-64, {"\x7f", 1}},
    {64, {"\x80\1", 2}},
    {INT64_MAX, {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 10}},
    {INT64_MIN, {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10}},
};

START_TEST(numbers_are_zigzag)
{
    struct buf out;

    buf_init(&out, 64);
    avro_put_long(&out, longs[_i].value);
    ck_assert(str_eq(buf_as_str(&out), longs[_i].bytes));
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *schema, *json;
    struct str bytes; /* p == NULL: refused */
} values[] = {
    {"\"int\"", "3", {"\6", 1}},
    {"\"int\"", "3.0", {NULL, 0}},
    {"\"string\"", "\"\\u00f1\"", {"\4\xc3\xb1", 3}},
    {"\"string\"", "1", {NULL, 0}},
    {"\"bytes\"", "\"\\u00ff\\u0000\"", {"\4\xff\0", 3}},
    {"\"boolean\"", "true", {"\1", 1}},
    {"\"float\"", "0.5", {"\0\0\0\x3f", 4}},
    {"\"double\"", "-2", {"\0\0\0\0\0\0\0\xc0", 8}},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"ab\"", {"ab", 2}},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"", {NULL, 0}},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
     "\"B\"",
     {"\2", 1}},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
     "\"C\"",
     {NULL, 0}},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", {"\4\2\4\0", 4}},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[]", {"\0", 1}},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", {"\2\2k\2\0", 5}},
    {"[\"null\",\"int\"]", "null", {"\0", 1}},
    {"[\"null\",\"int\"]", "{\"int\":1}", {"\2\2", 2}},
    {"[\"null\",\"int\"]", "1", {NULL, 0}},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
     "\"int\"},{\"name\":\"b\",\"type\":\"int\"}]}",
     "{\"b\":2,\"a\":1,\"c\":3}",
     {"\2\4", 2}},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
     "\"int\"}]}",
     "{}",
     {NULL, 0}},
    {"\"int\"", "not", {NULL, 0}},
};

START_TEST(json_becomes_binary)
{
    struct avro *avro;
    struct buf out;
    struct err err = {0};
    int rc;

    ck_assert_int_eq(avro_parse(str_from(values[_i].schema), &avro, &err),
                     RC_OK);
    buf_init(&out, 4096);
    rc = avro_put_json(&out, avro, str_from(values[_i].json), &err);
    ck_assert_msg(rc == (values[_i].bytes.p ? RC_OK : RC_INVALID), "%s: %s",
                  values[_i].json, err.text);
    if (rc == RC_OK) {
        ck_assert_msg(str_eq(buf_as_str(&out), values[_i].bytes), "%s",
                      values[_i].json);
        ck_assert_int_eq(avro_check_binary(avro, buf_as_str(&out), &err),
                         RC_OK);
    }
    buf_fini(&out);
    avro_free(avro);
}
END_TEST

/* What is written is a value of the schema that the file tells. */
START_TEST(messages_fit_the_schema_they_come_with)
{
    static const char record[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\","
        "\"type\":\"int\"}]}";
    bool metadata = _i & 1, by_schema = _i & 2;
    struct avro *topic, *written;
    struct buf message, schema, out;
    struct err err = {0};
    struct export_message m = {.id = 17, .publish_us = TIME_US};

    ck_assert_int_eq(avro_parse(str_from(record), &topic, &err), RC_OK);
    buf_init(&message, 4096);
    buf_init(&schema, 4096);
    buf_init(&out, 4096);
    buf_append(&message, "\x0a\7{\"a\":5}", 9); /* data */
    message_put_attribute(&message, STR("k"), STR("v"));
    m.message = buf_as_str(&message);
    cloud_format_put_schema(&schema, metadata,
                            by_schema ? str_from(record) : STR_NULL);
    ck_assert_msg(avro_parse(buf_as_str(&schema), &written, &err) == RC_OK,
                  "%s", err.text);
    ck_assert_int_eq(cloud_format_put(&out, &m,
                                      &(struct cloud_format){
                                          .metadata = metadata,
                                          .subscription = "projects/p/x",
                                          .avro = by_schema ? topic : NULL,
                                          .data_is_json = true},
                                      &err),
                     RC_OK);
    ck_assert_msg(avro_check_binary(written, buf_as_str(&out), &err) == RC_OK,
                  "%s", err.text);
    buf_fini(&out);
    buf_fini(&schema);
    buf_fini(&message);
    avro_free(written);
    avro_free(topic);
}
END_TEST

#define LOOP(test, cases)                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(cases) / sizeof((cases)[0])))

Suite *suite_cloud_storage(void);
Suite *suite_cloud_storage(void)
{
    Suite *s = suite_create("cloud_storage");
    TCase *tc = tcase_create("cloud_storage");

    LOOP(a_name_has_prefix_time_id_and_suffix, names);
    LOOP(formats_that_are_none_are_refused, bad_formats);
    LOOP(a_bucket_is_a_folders_name, buckets);
    LOOP(no_name_leaves_its_bucket, paths);
    tcase_add_test(tc, names_have_a_longest);
    LOOP(numbers_are_zigzag, longs);
    LOOP(json_becomes_binary, values);
    tcase_add_loop_test(tc, messages_fit_the_schema_they_come_with, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
