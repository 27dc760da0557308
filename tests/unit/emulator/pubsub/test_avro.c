/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/avro.h"

#include <check.h>

#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define LIST                                                                   \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":["                         \
    "{\"name\":\"v\",\"type\":\"int\"},"                                       \
    "{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"

static struct avro *parsed(const char *schema)
{
    struct avro *a = NULL;
    struct err err = {0};

    ck_assert_msg(avro_parse(str_from(schema), &a, &err) == RC_OK, "%s: %s",
                  schema, err.text);
    return a;
}

/* --- schemas -------------------------------------------------------------- */

static const struct {
    const char *schema;
    bool ok;
} schemas[] = {
    {"\"int\"", true},
    {"{\"type\":\"string\"}", true},
    {"{\"type\":{\"type\":\"string\"}}", true},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", true},
    {"[\"null\",\"string\"]", true},
    {ENUM, true},
    {LIST, true},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}", true},
    {"{\"type\":\"array\",\"items\":\"int\"}", true},
    {"{\"type\":\"map\",\"values\":[\"int\",\"null\"]}", true},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", true},
    {"{\"type\":\"record\",\"name\":\"a.b.R\",\"fields\":["
     "{\"name\":\"x\",\"type\":" ENUM "},{\"name\":\"y\",\"type\":\"a.b.E\"},"
     "{\"name\":\"z\",\"type\":\"E\"}]}",
     true},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"A\"}",
     true},
    {"", false},
    {"int", false},
    {"7", false},
    {"{}", false},
    {"\"integer\"", false},
    {"{\"type\":\"record\",\"name\":\"R\"}", false},
    {"{\"type\":\"record\",\"fields\":[]}", false},
    {"{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}", false},
    {"{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", false},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
     false},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
     "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}",
     false},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
     "{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}",
     false},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
     "{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"default\":1}]}",
     false},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", false},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", false},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
     false},
    {"{\"type\":\"fixed\",\"name\":\"F\"}", false},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", false},
    {"{\"type\":\"array\"}", false},
    {"[\"int\",\"int\"]", false},
    {"[\"int\",[\"null\"]]", false},
    {"[" ENUM "," ENUM "]", false},
};

START_TEST(a_schema_is_taken_or_refused)
{
    struct avro *a = NULL;
    struct err err = {0};
    int rc = avro_parse(str_from(schemas[_i].schema), &a, &err);

    ck_assert_msg((rc == RC_OK) == schemas[_i].ok, "%s: %s", schemas[_i].schema,
                  err.text);
    ck_assert(rc == RC_OK || *err.text);
    avro_free(a);
}
END_TEST

START_TEST(types_nested_too_deep_are_refused)
{
    char text[4096] = "";
    struct avro *a = NULL;
    struct err err = {0};

    for (int i = 0; i < 100; i++)
        strcat(text, "{\"type\":\"array\",\"items\":");
    strcat(text, "\"int\"");
    for (int i = 0; i < 100; i++)
        strcat(text, "}");
    ck_assert_int_eq(avro_parse(str_from(text), &a, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "deep"));
}
END_TEST

/* --- messages ------------------------------------------------------------- */

#define WITH_ENUM                                                              \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["                         \
    "{\"name\":\"s\",\"type\":\"string\"},"                                    \
    "{\"name\":\"u\",\"type\":[\"null\",\"int\"," ENUM "]}]}"

static const struct {
    const char *schema, *message;
    bool ok;
} json[] = {
    {"\"null\"", "null", true},
    {"\"boolean\"", "true", true},
    {"\"boolean\"", "1", false},
    {"\"int\"", "2147483647", true},
    {"\"int\"", "2147483648", false},
    {"\"int\"", "1.0", false},
    {"\"int\"", "\"1\"", false},
    {"\"long\"", "-9223372036854775808", true},
    {"\"long\"", "9223372036854775808", false},
    {"\"double\"", "1", true},
    {"\"double\"", "100000000000000000000", true},
    {"\"double\"", "1e308", true},
    {"\"double\"", "1e400", false},
    {"\"double\"", "-1e400", false},
    {"\"double\"", "1e-400", true},
    {"\"float\"", "3.4028235e38", true},
    {"\"float\"", "1e39", false},
    {"\"float\"", "1.5e3", true},
    {"\"float\"", "\"1\"", false},
    {"\"string\"", "\"\\u0041\"", true},
    {"\"string\"", "\"a\" \"b\"", false},
    {"\"bytes\"", "\"\\u00ff\\u0000\"", true},
    {"\"bytes\"", "\"\xc3\xbf\"", true},
    {"\"bytes\"", "\"\\u0100\"", false},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u00ffa\"", true},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"a\"", false},
    {ENUM, "\"B\"", true},
    {ENUM, "\"C\"", false},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"A\"}",
     "\"Z\"", true},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", true},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1,\"2\"]", false},
    {"{\"type\":\"array\",\"items\":\"int\"}", "[1", false},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1}", true},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":null}", false},
    {"{\"type\":\"map\",\"values\":\"int\"}", "[]", false},
    {"[\"null\",\"string\"]", "null", true},
    {"[\"null\",\"string\"]", "{\"string\":\"a\"}", true},
    {"[\"null\",\"string\"]", "\"a\"", false},
    {"[\"null\",\"string\"]", "{\"int\":1}", false},
    {"[\"null\",\"string\"]", "{\"string\":\"a\",\"null\":null}", false},
    {"[\"null\",\"string\"]", "{}", false},
    {WITH_ENUM, "{\"s\":\"x\",\"u\":null}", true},
    {WITH_ENUM, "{\"u\":{\"E\":\"A\"},\"s\":\"x\"}", true},
    {WITH_ENUM, "{\"s\":\"x\",\"u\":null,\"more\":[{}]}", true},
    {WITH_ENUM, "{\"s\":\"x\"}", false},
    {WITH_ENUM, "{\"s\":null,\"u\":null}", false},
    {WITH_ENUM, "", false},
    {WITH_ENUM, "nope", false},
    {WITH_ENUM, "{\"s\":\"x\",\"u\":null}x", false},
    {LIST, "{\"v\":1,\"next\":{\"L\":{\"v\":2,\"next\":null}}}", true},
    {LIST, "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}", false},
};

START_TEST(a_json_message_is_taken_or_refused)
{
    struct avro *a = parsed(json[_i].schema);
    struct err err = {0};
    int rc = avro_check_json(a, str_from(json[_i].message), &err);

    ck_assert_msg((rc == RC_OK) == json[_i].ok, "%s: %s: %s", json[_i].schema,
                  json[_i].message, err.text);
    ck_assert(rc == RC_OK || *err.text);
    avro_free(a);
}
END_TEST

static const struct {
    const char *schema;
    struct {
        const char *p;
        size_t len;
    } message;
    bool ok;
} binary[] = {
#define B(literal)                                                             \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }
    {"\"null\"", B(""), true},
    {"\"null\"", B("\0"), false},
    {"\"boolean\"", B("\1"), true},
    {"\"boolean\"", B("\2"), false},
    {"\"int\"", B("\xfe\xff\xff\xff\x0f"), true},
    {"\"int\"", B("\x80\x80\x80\x80\x10"), false},
    {"\"long\"", B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true},
    {"\"long\"", B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false},
    {"\"long\"", B("\x80"), false},
    {"\"float\"", B("\0\0\0\0"), true},
    {"\"float\"", B("\0\0\0"), false},
    {"\"double\"", B("\0\0\0\0\0\0\0\0"), true},
    {"\"string\"", B("\6foo"), true},
    {"\"string\"", B("\6fo"), false},
    {"\"string\"", B("\1"), false},
    {"\"string\"", B("\2\xff"), false},
    {"\"bytes\"", B("\2\xff"), true},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", B("ab"), true},
    {ENUM, B("\2"), true},
    {ENUM, B("\4"), false},
    {ENUM, B("\1"), false},
    {"{\"type\":\"array\",\"items\":\"int\"}", B("\4\2\4\0"), true},
    {"{\"type\":\"array\",\"items\":\"int\"}", B("\3\4\2\4\0"), true},
    {"{\"type\":\"array\",\"items\":\"int\"}", B("\4\2\4"), false},
    {"{\"type\":\"array\",\"items\":\"null\"}",
     B("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"), false},
    {"{\"type\":\"map\",\"values\":\"int\"}", B("\2\2a\2\0"), true},
    {"[\"null\",\"string\"]", B("\0"), true},
    {"[\"null\",\"string\"]", B("\2\2a"), true},
    {"[\"null\",\"string\"]", B("\4"), false},
    {WITH_ENUM, B("\2x\4\2"), true},
    {WITH_ENUM, B("\2x\4\2\0"), false},
    {WITH_ENUM, B("\2x"), false},
    {LIST, B("\2\2\4\0"), true},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
     "{\"name\":\"r\",\"type\":\"R\"}]}",
     B(""), false},
};

START_TEST(a_binary_message_is_taken_or_refused)
{
    struct avro *a = parsed(binary[_i].schema);
    struct err err = {0};
    int rc = avro_check_binary(
        a, str_of(binary[_i].message.p, binary[_i].message.len), &err);

    ck_assert_msg((rc == RC_OK) == binary[_i].ok, "case %d, %s: %s", _i,
                  binary[_i].schema, err.text);
    ck_assert(rc == RC_OK || *err.text);
    avro_free(a);
}
END_TEST

/* --- resolution ----------------------------------------------------------- */

#define ONE(type)                                                              \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["                         \
    "{\"name\":\"a\",\"type\":" type "}]}"
#define TWO(more)                                                              \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["                         \
    "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"" more  \
    "}]}"

static const struct {
    const char *reader, *writer;
    bool ok;
} pairs[] = {
    {"\"long\"", "\"int\"", true},
    {"\"int\"", "\"long\"", false},
    {"\"double\"", "\"float\"", true},
    {"\"string\"", "\"bytes\"", true},
    {"\"string\"", "\"int\"", false},
    {ONE("\"int\""), TWO(""), true},
    {TWO(""), ONE("\"int\""), false},
    {TWO(",\"default\":1"), ONE("\"int\""), true},
    {ONE("\"string\""), ONE("\"int\""), false},
    {ONE("[\"null\",\"int\"]"), ONE("\"int\""), true},
    {ONE("\"int\""), ONE("[\"null\",\"int\"]"), false},
    {LIST, LIST, true},
    {ENUM, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", true},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", ENUM, false},
    {"{\"type\":\"array\",\"items\":\"long\"}",
     "{\"type\":\"array\",\"items\":\"int\"}", true},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", false},
};

START_TEST(a_reader_resolves_a_writer_or_not)
{
    struct avro *reader = parsed(pairs[_i].reader);
    struct avro *writer = parsed(pairs[_i].writer);
    struct err err = {0};
    int rc = avro_check_resolves(reader, writer, &err);

    ck_assert_msg((rc == RC_OK) == pairs[_i].ok, "%s <- %s: %s",
                  pairs[_i].reader, pairs[_i].writer, err.text);
    avro_free(reader);
    avro_free(writer);
}
END_TEST

#define N(cases) (int)(sizeof(cases) / sizeof((cases)[0]))

Suite *suite_avro(void)
{
    Suite *s = suite_create("avro");
    TCase *t = tcase_create("avro");

    tcase_add_loop_test(t, a_schema_is_taken_or_refused, 0, N(schemas));
    tcase_add_test(t, types_nested_too_deep_are_refused);
    tcase_add_loop_test(t, a_json_message_is_taken_or_refused, 0, N(json));
    tcase_add_loop_test(t, a_binary_message_is_taken_or_refused, 0, N(binary));
    tcase_add_loop_test(t, a_reader_resolves_a_writer_or_not, 0, N(pairs));
    suite_add_tcase(s, t);
    return s;
}
