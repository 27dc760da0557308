/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/transform_js.h"

#include <check.h>
#include <stdio.h>

#include "emulator/pubsub/message.h"
#include "grpc/wire.h"

#define AT_US 1736942400500000 /* 2025-01-15T12:00:00.5Z */

static struct buf message, out;

static void setup(void)
{
    buf_init(&message, 64 << 20);
    buf_init(&out, 64 << 20);
}

static void teardown(void)
{
    buf_fini(&message);
    buf_fini(&out);
}

static void put(const char *data, const char *key, const char *value)
{
    wire_put_bytes(&message, MESSAGE_DATA, str_from(data));
    if (key)
        message_put_attribute(&message, str_from(key), str_from(value));
}

/* One run of `body` on the message. */
static enum js_outcome run(const char *body)
{
    struct js *js = NULL;
    struct buf code;
    struct err err = {0};
    enum js_outcome outcome;

    buf_init(&code, 1 << 20);
    buf_printf(&code, "function f(message, metadata) { %s }", body);
    ck_assert_msg(js_new(STR("f"), buf_as_str(&code), &js, &err) == RC_OK, "%s",
                  err.text);
    outcome = js_run(js, buf_as_str(&message), 17, AT_US, &out);
    js_free(js);
    buf_fini(&code);
    return outcome;
}

static const char *reason(void)
{
    return out.data ? out.data : "";
}

static void check_data(const char *want)
{
    struct str data = message_data(buf_as_str(&out));

    ck_assert_msg(str_eq(data.p ? data : STR(""), str_from(want)),
                  "%.*s, not %s", STR_ARG(data), want);
}

START_TEST(data_and_attributes_go_in_and_come_out)
{
    put("in", "k", "v");
    ck_assert_int_eq(run("return {data: message.data + '!',"
                         " attributes: {a: message.attributes.k, b: ''}};"),
                     JS_KEPT);
    check_data("in!");
    ck_assert(str_eq(message_attribute(buf_as_str(&out), STR("a")), STR("v")));
    ck_assert(message_attribute(buf_as_str(&out), STR("b")).p != NULL);
    ck_assert(message_attribute(buf_as_str(&out), STR("k")).p == NULL);
}
END_TEST

START_TEST(metadata_tells_id_time_and_key)
{
    put("x", NULL, NULL);
    wire_put_bytes(&message, MESSAGE_ORDERING_KEY, STR("key"));
    ck_assert_int_eq(
        run("return {data: [metadata.message_id, metadata.publish_time,"
            " metadata.ordering_key].join()};"),
        JS_KEPT);
    check_data("17,2025-01-15T12:00:00Z,key");
    ck_assert(str_eq(message_ordering_key(buf_as_str(&out)), STR("key")));
}
END_TEST

START_TEST(characters_beyond_the_basic_plane_are_two)
{
    put("a😀é", "😀", "😀");
    ck_assert_int_eq(run("message.data += message.data.length;"
                         "message.data += message.data.charAt(3);"
                         "return message;"),
                     JS_KEPT);
    check_data("a😀é4é");
    ck_assert(str_eq(message_attribute(buf_as_str(&out), STR("😀")), STR("😀")));
}
END_TEST

START_TEST(null_filters)
{
    put("x", NULL, NULL);
    ck_assert_int_eq(run("return null;"), JS_DROPPED);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

static const struct {
    const char *body, *reason;
} failures[] = {
    {"throw new Error('no');", "Error: no"},
    {"throw 'plain';", "plain"},
    {"", "returned undefined"},
    {"return 'text';", "returned a string"},
    {"return 5;", "returned a number"},
    {"return [];", "returned an array"},
    {"return true;", "returned a boolean"},
    {"return {};", "data must be a string, and is undefined"},
    {"return {data: null};", "data must be a string, and is null"},
    {"return {data: {}};", "data must be a string, and is an object"},
    {"return {data: 'x', attributes: 'a'};", "must be an object of strings"},
    {"return {data: 'x', attributes: []};", "must be an object of strings"},
    {"return {data: 'x', attributes: {a: 1}};", "attributes' values"},
    {"return {data: '\\ud800'};", "half of a surrogate pair"},
    {"return {data: '\\udc00\\ud800'};", "half of a surrogate pair"},
    {"return {data: 'x'.repeat(11 << 20)};", "more than"},
    {"var a = []; for (;;) a.push('x'.repeat(1 << 20) + a.length);",
     "more than 64 MB of memory"},
    {"var s = 'x'; for (;;) s += s;", "memory"},
    {"(function g() { g(); })(); return message;", "RangeError"},
    {"return undefinedThing;", "ReferenceError"},
    {"throw {toString: function () { throw 1; }};", ""},
};

START_TEST(failures_give_their_reason)
{
    put("x", NULL, NULL);
    ck_assert_int_eq(run(failures[_i].body), JS_FAILED);
    ck_assert_msg(strstr(reason(), failures[_i].reason) != NULL, "%s: %s",
                  failures[_i].body, reason());
    ck_assert(!strchr(reason(), '\n'));
}
END_TEST

START_TEST(data_that_is_no_text_fails)
{
    put("\xff\xfe", NULL, NULL);
    ck_assert_int_eq(run("return message;"), JS_FAILED);
    ck_assert(strstr(reason(), "not valid UTF-8") != NULL);
}
END_TEST

START_TEST(a_function_survives_its_failures)
{
    struct js *js = NULL;
    struct str code =
        STR("var n = 0; function f(m) { n++; if (m.data === 'bomb') {"
            " var a = []; for (;;) a.push('x'.repeat(1 << 20) + a.length); }"
            " return {data: m.data + n}; }");

    ck_assert_int_eq(js_new(STR("f"), code, &js, NULL), RC_OK);
    put("bomb", NULL, NULL);
    ck_assert_int_eq(js_run(js, buf_as_str(&message), 1, AT_US, &out),
                     JS_FAILED);
    buf_reset(&message);
    buf_reset(&out);
    put("x", NULL, NULL);
    ck_assert_int_eq(js_run(js, buf_as_str(&message), 1, AT_US, &out), JS_KEPT);
    /* what a script keeps in a variable lasts as long as its process */
    check_data("x2");
    js_free(js);
}
END_TEST

START_TEST(attributes_named_like_the_engines_own_are_plain)
{
    put("x", "__proto__", "p");
    message_put_attribute(&message, STR("constructor"), STR("c"));
    ck_assert_int_eq(run("return message;"), JS_KEPT);
    ck_assert(str_eq(message_attribute(buf_as_str(&out), STR("__proto__")),
                     STR("p")));
    ck_assert(str_eq(message_attribute(buf_as_str(&out), STR("constructor")),
                     STR("c")));
}
END_TEST

static const struct {
    const char *expression, *value;
} expressions[] = {
    {"[1, 2, 3].includes(2)", "true"},
    {"[NaN].includes(NaN)", "true"},
    {"[1, 2, 3].find(function (x) { return x > 1; })", "2"},
    {"[1, 2, 3].findIndex(function (x) { return x > 5; })", "-1"},
    {"[[1, [2]], 3].flat()", "1,2,3"},
    {"Array.from('abc')", "a,b,c"},
    {"Array.of(7, 8)", "7,8"},
    {"Object.entries({a: 1, b: 2})", "a,1,b,2"},
    {"Object.values({a: 1, b: 2})", "1,2"},
    {"Object.fromEntries([['a', 1]]).a", "1"},
    {"'5'.padStart(3, '0')", "005"},
    {"'5'.padEnd(3, 'ab')", "5ab"},
    {"'a.b.c'.replaceAll('.', '-')", "a-b-c"},
    {"'aa'.replaceAll('a', '$&')", "$&$&"},
    {"' x '.trimStart() + '|'", "x |"},
    {"new Array(3).fill('z')", "z,z,z"},
    {"[1, 2, 3].at(-1) + [1, 2].at(5)", "NaN"},
    {"[1, 2, 3].at(1.9) + [4].at()", "6"},
    {"[1, 2, 3].findLast(function (x) { return x < 3; })", "2"},
    {"[1].findLast(function (x) { return x > 3; })", "undefined"},
    {"[5, 6, 5].findLastIndex(function (x) { return x === 5; })", "2"},
    {"[1, 2].toReversed().concat([2, 1].toSorted())", "2,1,1,2"},
    {"'abc'.at(-1) + 'abc'.at(0) + 'abc'.at(3)", "caundefined"},
    {"' x '.trimLeft() + '|' + ' x '.trimRight() + '|'", "x | x|"},
    {"Object.hasOwn({a: 1}, 'a') + ',' + Object.hasOwn({}, 'toString')",
     "true,false"},
    {"JSON.stringify({a: [1, 'é']})", "{\"a\":[1,\"é\"]}"},
    {"typeof Duktape + typeof CBOR + typeof require + typeof print",
     "undefinedundefinedundefinedundefined"},
};

START_TEST(expressions_have_the_language_s_value)
{
    char body[200];

    put("x", NULL, NULL);
    snprintf(body, sizeof(body), "return {data: String(%s)};",
             expressions[_i].expression);
    ck_assert_msg(run(body) == JS_KEPT, "%s: %s", body, reason());
    check_data(expressions[_i].value);
}
END_TEST

static const struct {
    const char *code;
    int rc;
    const char *reason;
} scripts[] = {
    {"function f() {", RC_MALFORMED, "line 1"},
    {"\nlet x = 1; function f() {}", RC_MALFORMED, "line 2"},
    {"function g() {}", RC_INVALID, "no function f"},
    {"var f = 5;", RC_INVALID, "no function f"},
    {"throw new Error('at start'); function f() {}", RC_INVALID, "at start"},
    {"const f = function (m) { return m; };", RC_OK, ""},
};

START_TEST(scripts_are_refused_for_what_they_lack)
{
    struct js *js = NULL;
    struct err err = {0};

    ck_assert_int_eq(js_new(STR("f"), str_from(scripts[_i].code), &js, &err),
                     scripts[_i].rc);
    ck_assert_msg(strstr(err.text, scripts[_i].reason) != NULL, "%s", err.text);
    js_free(js);
}
END_TEST

Suite *suite_transform_js(void);
Suite *suite_transform_js(void)
{
    Suite *s = suite_create("transform_js");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, data_and_attributes_go_in_and_come_out);
    tcase_add_test(t, metadata_tells_id_time_and_key);
    tcase_add_test(t, characters_beyond_the_basic_plane_are_two);
    tcase_add_test(t, null_filters);
    tcase_add_loop_test(t, failures_give_their_reason, 0,
                        sizeof(failures) / sizeof(failures[0]));
    tcase_add_test(t, data_that_is_no_text_fails);
    tcase_add_test(t, a_function_survives_its_failures);
    tcase_add_test(t, attributes_named_like_the_engines_own_are_plain);
    tcase_add_loop_test(t, expressions_have_the_language_s_value, 0,
                        sizeof(expressions) / sizeof(expressions[0]));
    tcase_add_loop_test(t, scripts_are_refused_for_what_they_lack, 0,
                        sizeof(scripts) / sizeof(scripts[0]));
    suite_add_tcase(s, t);
    return s;
}
