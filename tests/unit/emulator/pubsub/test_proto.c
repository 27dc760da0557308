/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "emulator/pubsub/proto_schema.h"

#define P3 "syntax = \"proto3\"; "
#define P2 "syntax = \"proto2\"; "

static struct proto_schema *parsed(const char *schema)
{
    struct proto_schema *s = NULL;
    struct err err = {0};

    ck_assert_msg(proto_parse(str_from(schema), &s, &err) == RC_OK, "%s: %s",
                  schema, err.text);
    return s;
}

/* --- schemas -------------------------------------------------------------- */

static const struct {
    const char *schema;
    bool ok;
} schemas[] = {
    {P3 "message M {}", true},
    {"message M { optional int32 a = 1; required string b = 0x2; }", true},
    {P3 "package a.b; option java_package = \"x\"; // c\n"
        "/* c */ message M { int32 a = 1 [deprecated = true, json_name='x']; }",
     true},
    {P3 "message M { message N { string s = 1; } enum E { Z = 0; A = -1; } "
        "N n = 1; repeated E e = 2; M m = 3; M.N o = 4; .M.N q = 5; }",
     true},
    {P3 "message M { map<string, int32> a = 1; map<int64, M> b = 2; }", true},
    {P3 "message M { oneof o { int32 a = 1; string b = 2; } }", true},
    {P3 "message M { reserved 2, 4 to 6, 100 to max; reserved \"x\"; "
        "int32 a = 1; optional int32 b = 3; }",
     true},
    {P2 "message M { optional int32 a = 1 [default = -5]; extensions 100 to "
        "199; optional double d = 2 [default = 1.5e3]; }",
     true},
    {P3 "message M { option (my.opt) = { a: 1 b { c: \"}\" } }; int32 a = 1; }",
     true},
    {P3 "message M { enum E { option allow_alias = true; A = 0; B = 0; } }",
     true},
    {"", false},
    {P3, false},
    {"syntax = \"proto4\"; message M {}", false},
    {"edition = \"2023\"; message M {}", false},
    {P3 "import \"x.proto\"; message M {}", false},
    {P3 "message M {} message N {}", false},
    {P3 "message M {} enum E { A = 0; }", false},
    {P3 "message M { required int32 a = 1; }", false},
    {P2 "message M { int32 a = 1; }", false},
    {P3 "message M { int32 a = 0; }", false},
    {P3 "message M { int32 a = 19000; }", false},
    {P3 "message M { int32 a = 536870912; }", false},
    {P3 "message M { int32 a = 1; int32 b = 1; }", false},
    {P3 "message M { int32 a = 1; int32 a = 2; }", false},
    {P3 "message M { int32 a_b = 1; int32 aB = 2; }", false},
    {P3 "message M { Unknown a = 1; }", false},
    {P3 "message M { reserved 1; int32 a = 1; }", false},
    {P3 "message M { reserved \"a\"; int32 a = 1; }", false},
    {P3 "message M { map<double, int32> a = 1; }", false},
    {P3 "message M { oneof o { repeated int32 a = 1; } }", false},
    {P3 "message M { enum E { A = 1; } }", false},
    {P3 "message M { enum E { A = 0; B = 0; } }", false},
    {P3 "message M { enum E { } }", false},
    {P2 "message M { optional group G = 1 { } }", false},
    {P3 "message M { int32 a = 1 }", false},
    {P3 "message M { int32 a = 1;", false},
    {P3 "message M { /* ", false},
    {P3 "message M { string s = 1 [default = \"x]; }", false},
    {P3 "service S {} message M {}", false},
};

START_TEST(a_schema_is_taken_or_refused)
{
    struct proto_schema *s = NULL;
    struct err err = {0};
    int rc = proto_parse(str_from(schemas[_i].schema), &s, &err);

    ck_assert_msg((rc == RC_OK) == schemas[_i].ok, "%s: %s", schemas[_i].schema,
                  err.text);
    ck_assert(rc == RC_OK || *err.text);
    if (rc == RC_OK)
        proto_free(s);
}
END_TEST

START_TEST(messages_nested_too_deep_are_refused)
{
    char text[4096] = P3;
    struct proto_schema *s = NULL;
    struct err err = {0};

    for (int i = 0; i < 100; i++)
        strcat(text, "message M {");
    for (int i = 0; i < 100; i++)
        strcat(text, "}");
    ck_assert_int_eq(proto_parse(str_from(text), &s, &err), RC_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "deep"));
}
END_TEST

/* --- messages ------------------------------------------------------------- */

#define ALL                                                                    \
    P3 "message M { int32 i = 1; uint64 u = 2; bool b = 3; double d = 4; "     \
       "string s = 5; bytes y = 6; enum E { A = 0; B = 1; } E e = 7; "         \
       "M m = 8; repeated int32 r = 9; map<int32, string> p = 10; "            \
       "oneof o { int32 x = 11; string z = 12; } fixed32 f = 13; "             \
       "repeated M l = 14; sint64 long_name = 15; }"
#define OLD                                                                    \
    P2 "message M { required int32 a = 1; enum E { A = 1; } "                  \
       "optional E e = 2; }"

static const struct {
    const char *schema, *message;
    bool ok;
} json[] = {
    {ALL, "{}", true},
    {ALL, "{\"i\":1,\"u\":\"18446744073709551615\",\"b\":true}", true},
    {ALL, "{\"i\":\"1\"}", true},
    {ALL, "{\"i\":1.0}", true},
    {ALL, "{\"i\":1e3}", true},
    {ALL, "{\"i\":1.5}", false},
    {ALL, "{\"i\":2147483648}", false},
    {ALL, "{\"i\":\"0x1\"}", false},
    {ALL, "{\"i\":\" 1\"}", false},
    {ALL, "{\"i\":\"\"}", false},
    {ALL, "{\"u\":-1}", false},
    {ALL, "{\"u\":18446744073709551615}", true},
    {ALL, "{\"u\":18446744073709551616}", false},
    {ALL, "{\"d\":1e308}", true},
    {ALL, "{\"d\":1e400}", false},
    {ALL, "{\"d\":-1e400}", false},
    {ALL, "{\"d\":\"1e400\"}", false},
    {P3 "message M { float f = 1; }", "{\"f\":3.4028235e38}", true},
    {P3 "message M { float f = 1; }", "{\"f\":1e39}", false},
    {ALL, "{\"b\":\"true\"}", false},
    {ALL, "{\"d\":\"NaN\"}", true},
    {ALL, "{\"d\":\"-Infinity\"}", true},
    {ALL, "{\"d\":\"1.5\"}", true},
    {ALL, "{\"d\":\"inf\"}", false},
    {ALL, "{\"s\":\"x\",\"y\":\"_w==\"}", true},
    {ALL, "{\"y\":\"*\"}", false},
    {ALL, "{\"s\":1}", false},
    {ALL, "{\"e\":\"B\"}", true},
    {ALL, "{\"e\":7}", true},
    {ALL, "{\"e\":\"C\"}", false},
    {ALL, "{\"m\":{\"m\":{\"i\":1}}}", true},
    {ALL, "{\"m\":{\"m\":{\"q\":1}}}", false},
    {ALL, "{\"m\":[]}", false},
    {ALL, "{\"r\":[1,2]}", true},
    {ALL, "{\"r\":1}", false},
    {ALL, "{\"r\":[null]}", false},
    {ALL, "{\"p\":{\"1\":\"a\"}}", true},
    {ALL, "{\"p\":{\"a\":\"a\"}}", false},
    {ALL, "{\"p\":[]}", false},
    {ALL, "{\"x\":1}", true},
    {ALL, "{\"x\":1,\"z\":null}", true},
    {ALL, "{\"x\":1,\"z\":\"\"}", false},
    {ALL, "{\"longName\":1}", true},
    {ALL, "{\"long_name\":1}", true},
    {ALL, "{\"long_name\":1,\"longName\":1}", false},
    {ALL, "{\"i\":null}", true},
    {ALL, "{\"unknown\":1}", false},
    {ALL, "{\"l\":[{},{\"i\":1}]}", true},
    {ALL, "[]", false},
    {ALL, "", false},
    {ALL, "{}x", false},
    {ALL, "{\"i\":1", false},
    {OLD, "{\"a\":1}", true},
    {OLD, "{}", false},
    {OLD, "{\"a\":null}", false},
};

START_TEST(a_json_message_is_taken_or_refused)
{
    struct proto_schema *s = parsed(json[_i].schema);
    struct err err = {0};
    int rc = proto_check_json(s, str_from(json[_i].message), &err);

    ck_assert_msg((rc == RC_OK) == json[_i].ok, "%s: %s", json[_i].message,
                  err.text);
    ck_assert(rc == RC_OK || *err.text);
    proto_free(s);
}
END_TEST

#define B(literal) literal, sizeof(literal) - 1

static const struct {
    const char *schema, *message;
    size_t len;
    bool ok;
} binary[] = {
    {ALL, B(""), true},
    {ALL, B("\x08\x01"), true},
    {ALL, B("\x08"), false},
    {ALL, B("\x0d\0\0\0\0"), false},
    {ALL, B("\x21\0\0\0\0\0\0\0\0"), true},
    {ALL, B("\x2a\x01x"), true},
    {ALL, B("\x2a\x01\xff"), false},
    {ALL, B("\x32\x01\xff"), true},
    {ALL, B("\x38\x07"), true},
    {ALL, B("\x42\x02\x08\x01"), true},
    {ALL, B("\x42\x03\x08\x01"), false},
    {ALL, B("\x42\x02\x80\x01"), false},
    {ALL, B("\x48\x01\x4a\x02\x01\x02"), true},
    {ALL, B("\x4a\x01\x80"), false},
    {ALL, B("\x52\x05\x08\x01\x12\x01x"), true},
    {ALL, B("\x52\x02\x18\x01"), false},
    {ALL, B("\x6d\0\0\0\0"), true},
    {ALL, B("\x80\x01\x01"), false}, /* field 16 is not in the schema */
    {ALL, B("not a message"), false},
    {OLD, B("\x08\x01"), true},
    {OLD, B(""), false},
    {OLD, B("\x08\x01\x10\x01"), true},
    {OLD, B("\x08\x01\x10\x02"), false},
};

START_TEST(a_binary_message_is_taken_or_refused)
{
    struct proto_schema *s = parsed(binary[_i].schema);
    struct err err = {0};
    int rc =
        proto_check_binary(s, str_of(binary[_i].message, binary[_i].len), &err);

    ck_assert_msg((rc == RC_OK) == binary[_i].ok, "case %d: %s", _i, err.text);
    ck_assert(rc == RC_OK || *err.text);
    proto_free(s);
}
END_TEST

/* --- revisions ------------------------------------------------------------ */

#define BASE P3 "message M { int32 a = 1; repeated int32 r = 2; }"

static const struct {
    const char *newer;
    bool ok;
} revisions[] = {
    {BASE, true},
    {P3 "message M { int32 a = 1; repeated int32 r = 2; string b = 3; }", true},
    {P3 "message M { repeated int32 r = 2; }", true},
    {P3 "message M { int32 a = 1; }", false},
    {P3 "message M { int64 a = 1; repeated int32 r = 2; }", false},
    {P3 "message M { int32 b = 1; repeated int32 r = 2; }", false},
    {P3 "message M { repeated int32 a = 1; repeated int32 r = 2; }", false},
    {P3 "message N { int32 a = 1; repeated int32 r = 2; }", false},
    {P3 "message M { int32 a = 1; repeated int32 r = 2; "
        "map<string, int32> m = 3; }",
     false},
};

START_TEST(a_revision_may_follow_or_not)
{
    struct proto_schema *older = parsed(BASE);
    struct proto_schema *newer = parsed(revisions[_i].newer);
    struct err err = {0};
    int rc = proto_check_revision(newer, older, &err);

    ck_assert_msg((rc == RC_OK) == revisions[_i].ok, "%s: %s",
                  revisions[_i].newer, err.text);
    proto_free(older);
    proto_free(newer);
}
END_TEST

#define N(cases) (int)(sizeof(cases) / sizeof((cases)[0]))

Suite *suite_proto(void)
{
    Suite *s = suite_create("proto");
    TCase *t = tcase_create("proto");

    tcase_add_loop_test(t, a_schema_is_taken_or_refused, 0, N(schemas));
    tcase_add_test(t, messages_nested_too_deep_are_refused);
    tcase_add_loop_test(t, a_json_message_is_taken_or_refused, 0, N(json));
    tcase_add_loop_test(t, a_binary_message_is_taken_or_refused, 0, N(binary));
    tcase_add_loop_test(t, a_revision_may_follow_or_not, 0, N(revisions));
    suite_add_tcase(s, t);
    return s;
}
