/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens taken apart and claims judged; signatures are test_jwks.c's. */
#include <check.h>
#include <stdio.h>

#include "auth/jwt.h"
#include "common/base64.h"

static struct jwt jwt;
static const char *why;

static bool parse(const char *header, const char *payload, const char *tail)
{
    static char token[JWT_TOKEN_MAX + 100];
    size_t n = base64_encode_url(token, header, strlen(header));

    token[n++] = '.';
    n += base64_encode_url(token + n, payload, strlen(payload));
    n += (size_t)snprintf(token + n, sizeof(token) - n, "%s", tail);
    return jwt_parse(str_of(token, n), &jwt, &why);
}

START_TEST(takes_apart_what_is_one)
{
    ck_assert(parse("{\"alg\":\"ES256\",\"kid\":\"\\u0061b\",\"x\":[{}]}",
                    "{\"a\":1}", ".AAEC"));
    ck_assert_int_eq(jwt.algorithm, JWT_ES256);
    ck_assert(jwt.has_kid);
    ck_assert_str_eq(jwt.kid, "ab");
    ck_assert_uint_eq(jwt.signature_len, 3);
    ck_assert(str_eq(str_of(jwt.payload, jwt.payload_len), STR("{\"a\":1}")));
    ck_assert(parse("{\"alg\":\"RS256\"}", "{}", ".AAEC"));
    ck_assert(!jwt.has_kid);
}
END_TEST

static const char *const headers[] = {
    "{}",
    "[]",
    "",
    "{\"alg\":\"none\"}",
    "{\"alg\":\"HS256\"}",
    "{\"alg\":\"rs256\"}",
    "{\"alg\":1}",
    "{\"alg\":null}",
    "{\"alg\":\"RS256\\u0000\"}",
    "{\"alg\":\"none\",\"alg\":\"RS256\"}",
    "{\"alg\":\"RS256\",\"kid\":1}",
    "{\"alg\":\"RS256\",\"kid\":\"a\\u0000\"}",
    "{\"alg\":\"RS256\",\"crit\":[]}",
    "{\"alg\":\"RS256\",\"b64\":false}",
    "{\"alg\":\"RS256\"}x",
    "{\"alg\":\"RS256\"",
};
START_TEST(refuses_other_headers)
{
    ck_assert_msg(!parse(headers[_i], "{}", ".AAEC"), "%s", headers[_i]);
    ck_assert_ptr_nonnull(why);
}
END_TEST

static const char *const tails[] = {"",     ".",      ".AA=", ".AAEC.",
                                    ".A+B", ".AAEC ", "AAEC", ".AAEC.AA"};
START_TEST(refuses_other_forms)
{
    ck_assert_msg(!parse("{\"alg\":\"RS256\"}", "{}", tails[_i]), "%s",
                  tails[_i]);
}
END_TEST

START_TEST(refuses_what_is_too_long)
{
    static char text[JWT_TOKEN_MAX + 2];

    memset(text, 'A', sizeof(text));
    text[10] = text[20] = '.';
    ck_assert(!jwt_parse(str_of(text, sizeof(text)), &jwt, &why));
}
END_TEST

#define WELL "\"iss\":\"i\",\"aud\":\"a\",\"exp\":2000"

static const struct {
    const char *claims;
    enum jwt_verdict plain, with_email;
} claims[] = {
    {"{" WELL "}", JWT_GOOD, JWT_STRANGER},
    {"{" WELL ",\"email\":\"e\",\"email_verified\":true}", JWT_GOOD, JWT_GOOD},
    {"{" WELL ",\"email\":\"e\"}", JWT_GOOD, JWT_STRANGER},
    {"{" WELL ",\"email\":\"e\",\"email_verified\":\"true\"}", JWT_GOOD,
     JWT_STRANGER},
    {"{" WELL ",\"email\":\"E\",\"email_verified\":true}", JWT_GOOD,
     JWT_STRANGER},
    {"{" WELL ",\"nbf\":1060}", JWT_GOOD, JWT_STRANGER},
    {"{" WELL ",\"nbf\":1061}", JWT_BAD, JWT_BAD},
    {"{" WELL ",\"iat\":1061}", JWT_BAD, JWT_BAD},
    {"{" WELL ",\"nbf\":\"1\"}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":[\"x\",\"a\"],\"exp\":1000.5}", JWT_GOOD,
     JWT_STRANGER},
    {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1000}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":\"a\"}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"2000\"}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":\"b\",\"exp\":2000}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":[],\"exp\":2000}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"i\",\"aud\":[[\"a\"]],\"exp\":2000}", JWT_BAD, JWT_BAD},
    {"{\"iss\":\"ii\",\"aud\":\"a\",\"exp\":2000}", JWT_BAD, JWT_BAD},
    {"{" WELL ",\"iss\":\"i\"}", JWT_BAD, JWT_BAD},
    {"[]", JWT_BAD, JWT_BAD},
    {"{" WELL "} ,", JWT_BAD, JWT_BAD},
};
START_TEST(judges_claims)
{
    struct jwt_expected expected = {"i", "a", NULL};
    struct str text = str_from(claims[_i].claims);

    ck_assert_msg(jwt_check_claims(text, &expected, 1000, &why) ==
                      claims[_i].plain,
                  "%s", claims[_i].claims);
    expected.email = "e";
    ck_assert_msg(jwt_check_claims(text, &expected, 1000, &why) ==
                      claims[_i].with_email,
                  "%s", claims[_i].claims);
}
END_TEST

Suite *suite_jwt(void)
{
    Suite *s = suite_create("jwt");
    TCase *t = tcase_create("jwt");

    tcase_add_test(t, takes_apart_what_is_one);
    tcase_add_loop_test(t, refuses_other_headers, 0,
                        sizeof(headers) / sizeof(headers[0]));
    tcase_add_loop_test(t, refuses_other_forms, 0,
                        sizeof(tails) / sizeof(tails[0]));
    tcase_add_test(t, refuses_what_is_too_long);
    tcase_add_loop_test(t, judges_claims, 0,
                        sizeof(claims) / sizeof(claims[0]));
    suite_add_tcase(s, t);
    return s;
}
