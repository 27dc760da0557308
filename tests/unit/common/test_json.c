/* SPDX-License-Identifier: Apache-2.0 */
/* The strict scanner: what it refuses, what it tells, and that it agrees with
 * jansson wherever jansson is strict too. */
#include "common/json.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"

/* An exact copy on the heap: a read past the end is found. */
static int check_text(const char *text, const char **why)
{
    size_t len = strlen(text);
    char *copy = mem_dup(text, len);
    int rc = json_check(str_of(copy, len), why, NULL);

    mem_free(copy);
    return rc;
}

static const char *const good[] = {
    "0",
    " -0 ",
    "1.5e+10",
    "123456789012345678901234567890.5",
    "true",
    "null",
    "\"\"",
    "{}",
    "[]",
    "[[],{}]",
    "{\"a\":{\"a\":[1,{\"a\":2}]},\"b\":\"a\"}",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"
    "\"",
    "\"\x7f\"",
    "\t\r\n[ 1 , 2 ]\n",
};

START_TEST(takes_what_rfc_8259_allows)
{
    const char *why = "";

    ck_assert_msg(check_text(good[_i], &why) == RC_OK, "%s: %s", good[_i], why);
}
END_TEST

static const struct {
    const char *text, *says;
} bad[] = {
    {"", "empty"},
    {" ", "empty"},
    {"\xef\xbb\xbf{}", "byte order mark"},
    {"01", "begins with 0"},
    {"-", "no digits"},
    {"1.", "behind its point"},
    {"1e", "exponent"},
    {"+1", "unknown"},
    {".5", "unknown"},
    {"NaN", "unknown"},
    {"tru", "unknown"},
    {"truex", "behind"},
    {"1 2", "behind"},
    {"[1]]", "behind"},
    {"[1,]", "unknown"},
    {"[,1]", "unknown"},
    {"[1 2]", "comma or ]"},
    {"[1", "too early"},
    {"[", "too early"},
    {"{\"a\":1,}", "key"},
    {"{\"a\" 1}", "colon"},
    {"{\"a\":1 \"b\":2}", "comma or }"},
    {"{a:1}", "key"},
    {"{\"a\":1]", "comma or }"},
    {"{\"a\":", "too early"},
    {"\"a", "does not end"},
    {"\"a\\", "does not end"},
    {"\"\\x\"", "escape"},
    {"\"\\u12g4\"", "hex digits"},
    {"\"\\ud800\"", "surrogate"},
    {"\"\\ud800\\u0041\"", "surrogate"},
    {"\"\\udc00\"", "surrogate"},
    {"\"\x01\"", "control"},
    {"\"\n\"", "control"},
    {"\"\x80\"", "UTF-8"},
    {"\"\xc0\xaf\"", "UTF-8"},
    {"\"\xc1\xbf\"", "UTF-8"},
    {"\"\xe0\x9f\xbf\"", "UTF-8"},
    {"\"\xed\xa0\x80\"", "UTF-8"},
    {"\"\xf0\x8f\xbf\xbf\"", "UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "UTF-8"},
    {"\"\xf5\x80\x80\x80\"", "UTF-8"},
    {"\"\xc3\"", "UTF-8"},
    {"{\"a\":1,\"a\":1}", "twice"},
    {"{\"a\":1,\"\\u0061\":1}", "twice"},
    {"{\"\":1,\"\":1}", "twice"},
    {"[{\"a\":{\"b\":1,\"c\":1,\"b\":1}}]", "twice"},
};

START_TEST(refuses_everything_else_and_says_why)
{
    const char *why = "";

    ck_assert_msg(check_text(bad[_i].text, &why) == RC_MALFORMED, "%s",
                  bad[_i].text);
    ck_assert_msg(strstr(why, bad[_i].says) != NULL, "%s: %s", bad[_i].text,
                  why);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char text[2 * JSON_MAX_DEPTH + 8];

    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        ck_assert_int_eq(check_text(text, NULL),
                         depth == JSON_MAX_DEPTH ? RC_OK : RC_MALFORMED);
    }
}
END_TEST

/* An object of `n` keys, the last of which repeats the one at `twin`. */
static int check_keys(int n, int twin)
{
    struct buf b;
    int rc;

    buf_init(&b, 1 << 24);
    buf_putc(&b, '{');
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s\"k%d\":0", i ? "," : "",
                   i == n - 1 && twin >= 0 ? twin : i);
    buf_putc(&b, '}');
    rc = json_check(buf_as_str(&b), NULL, NULL);
    buf_fini(&b);
    return rc;
}

START_TEST(a_repeated_key_is_found_among_any_number)
{
    static const int sizes[] = {2, 12, 13, 14, 32, 33, 64, 65, 1000, 100000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int n = sizes[i];
        ck_assert_int_eq(check_keys(n, -1), RC_OK);
        ck_assert_int_eq(check_keys(n, 0), RC_MALFORMED);
        ck_assert_int_eq(check_keys(n, n / 2 - 1), RC_MALFORMED);
        ck_assert_int_eq(check_keys(n, n - 2), RC_MALFORMED);
    }
}
END_TEST

START_TEST(repeated_keys_can_be_allowed_and_nothing_else)
{
    const char *why = NULL;
    size_t at = 0;

    ck_assert_int_eq(json_check_same_keys(
                         STR("{\"a\":1,\"a\":{\"b\":1,\"b\":2}}"), &why, &at),
                     RC_OK);
    ck_assert_int_eq(json_check_same_keys(STR("{\"a\":1,\"a\"}"), &why, &at),
                     RC_MALFORMED);
    ck_assert_uint_eq(at, 10);
}
END_TEST

START_TEST(memory_that_fails_is_not_the_texts_fault)
{
    for (unsigned long n = 1; n < 40; n++) {
        struct buf b;
        int rc;
        buf_init(&b, 1 << 16);
        buf_putc(&b, '{');
        for (int i = 0; i < 200; i++)
            buf_printf(&b, "%s\"k%d\":0", i ? "," : "", i);
        buf_putc(&b, '}');
        mem_fail_after(n, 0);
        rc = json_check(buf_as_str(&b), NULL, NULL);
        mem_fail_after(0, 0);
        buf_fini(&b);
        ck_assert(rc == RC_NOMEM || rc == RC_OK);
        if (rc == RC_OK) {
            ck_assert_uint_gt(n, 1);
            return;
        }
    }
    ck_abort_msg("never succeeded");
}
END_TEST

START_TEST(strings_have_one_canonical_form)
{
    static const char text[] =
        "[\"\\u0061\\/\\b\\u0008\\u001f\\\"\\\\\", {\"\\u00e9\" : 1.50e0}]";
    struct buf b;

    buf_init(&b, 1000);
    json_put_compact(&b, str_from(text));
    ck_assert_str_eq(b.data,
                     "[\"a/\\b\\b\\u001f\\\"\\\\\",{\"\u00e9\":1.50e0}]");
    buf_fini(&b);
}
END_TEST

START_TEST(u_0000_is_told_and_values_can_be_skipped)
{
    struct json_scan s;
    struct json_token t;
    struct str value;

    json_scan_init(&s, STR("{\"a\":[1,{\"b\":\"]\"}] ,\"c\":\"x\\u0000\"}"));
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_OBJECT);
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_KEY);
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_ARRAY);
    ck_assert(json_scan_skip(&s, &t, &value));
    ck_assert(str_eq(value, STR("[1,{\"b\":\"]\"}]")));
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_KEY);
    ck_assert(json_text_eq(&t, STR("c")));
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_STRING);
    ck_assert(t.has_nul && t.escaped);
    ck_assert(json_scan_skip(&s, &t, &value));
    ck_assert(str_eq(value, STR("\"x\\u0000\"")));
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_OBJECT_END);
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_DONE);
    ck_assert_int_eq(json_scan_next(&s, &t), JSON_T_DONE);
    json_scan_fini(&s);
}
END_TEST

START_TEST(cuts_at_characters)
{
    ck_assert_uint_eq(json_cut_utf8(STR("a\u00e9"), 2).len, 1);
    ck_assert_uint_eq(json_cut_utf8(STR("a\u00e9"), 3).len, 3);
    ck_assert_uint_eq(json_cut_utf8(STR("\U0001f600"), 3).len, 0);
    ck_assert(json_is_utf8(STR("aaaaaaaaaaaaaaaa\u00e9")));
    ck_assert(!json_is_utf8(STR("aaaaaaaaaaaaaaaa\xc3")));
}
END_TEST

/* Random texts made by breaking good ones. Where jansson refuses for a reason
 * that is none (big numbers, our depth), nothing is compared. */
START_TEST(agrees_with_jansson)
{
    static const char alphabet[] = "{}[]\",:\\u0019aeE+-.tfn \xc3\xa9\xed\x80";
    uint64_t state = 88172645463325252u;
    int refused = 0, taken = 0;

    for (int i = 0; i < 200000; i++) {
        const char *seed = good[i % (int)(sizeof(good) / sizeof(good[0]))];
        char text[128];
        size_t len = strlen(seed);
        json_t *tree;
        int rc;
        memcpy(text, seed, len);
        for (int edits = 0; edits < i % 3; edits++) {
            size_t at;
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            at = state % (len ? len : 1);
            text[at] = alphabet[(state >> 32) % (sizeof(alphabet) - 1)];
        }
        tree = json_loadb(
            text, len,
            JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        rc = json_check(str_of(text, len), NULL, NULL);
        if (tree) {
            ck_assert_msg(rc == RC_OK, "jansson takes %.*s", (int)len, text);
            taken++;
        } else if (rc == RC_OK) {
            /* numbers out of range are the one thing that it refuses alone */
            bool has_digit = false;
            for (size_t c = 0; c < len; c++)
                has_digit = has_digit || (text[c] >= '0' && text[c] <= '9');
            ck_assert_msg(has_digit, "%.*s", (int)len, text);
        } else {
            refused++;
        }
        json_decref(tree);
    }
    ck_assert_int_gt(taken, 10000);
    ck_assert_int_gt(refused, 10000);
}
END_TEST

Suite *suite_json(void)
{
    Suite *s = suite_create("json");
    TCase *tc = tcase_create("json");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, takes_what_rfc_8259_allows, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tc, refuses_everything_else_and_says_why, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, depth_is_bounded);
    tcase_add_test(tc, a_repeated_key_is_found_among_any_number);
    tcase_add_test(tc, repeated_keys_can_be_allowed_and_nothing_else);
    tcase_add_test(tc, memory_that_fails_is_not_the_texts_fault);
    tcase_add_test(tc, strings_have_one_canonical_form);
    tcase_add_test(tc, u_0000_is_told_and_values_can_be_skipped);
    tcase_add_test(tc, cuts_at_characters);
    tcase_add_test(tc, agrees_with_jansson);
    suite_add_tcase(s, tc);
    return s;
}
