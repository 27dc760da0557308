/* SPDX-License-Identifier: Apache-2.0 */
#include "net/google_error.h"

#include <check.h>

static const struct {
    const char *body, *text;
} cases[] = {
    {"{\"error\":{\"code\":404,\"message\":\"Resource not found "
     "(resource=x).\",\"status\":\"NOT_FOUND\"}}",
     "Resource not found (resource=x)."},
    {"{\"error\":\"invalid_grant\",\"error_description\":\"Bad\\nthing\"}",
     "Bad thing"},
    {"{\"error\":\"invalid_grant\"}", "invalid_grant"},
    {"<html>no</html>", ""},
    {"", ""},
    {"{\"error\":{\"message\":7}}", ""},
    {"{\"error\":{\"message\":\"first\",\"errors\":[{\"message\":\"second\"}]}"
     "}",
     "first"},
};

START_TEST(finds_the_sentence)
{
    char text[64];

    google_error_text(str_from(cases[_i].body), text, sizeof(text));
    ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

START_TEST(finds_the_reason)
{
    static const char *const reasons[][2] = {
        {"{\"error\":{\"code\":403,\"message\":\"m\",\"errors\":[{\"message\":"
         "\"m\",\"domain\":\"global\",\"reason\":\"rateLimitExceeded\"}],"
         "\"status\":\"PERMISSION_DENIED\"}}",
         "rateLimitExceeded"},
        {"{\"error\":{\"reason\":7,\"message\":\"reason\"}}", ""},
        {"no json", ""},
    };
    char text[40];

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        google_error_reason(str_from(reasons[i][0]), text, sizeof(text));
        ck_assert_str_eq(text, reasons[i][1]);
    }
}
END_TEST

START_TEST(cuts_a_long_sentence_at_a_character)
{
    char text[8];

    google_error_text(str_from("{\"error\":{\"message\":\"abcdef\xc3\xa9\"}}"),
                      text, sizeof(text));
    ck_assert_str_eq(text, "abcdef");
}
END_TEST

START_TEST(statuses_have_their_codes)
{
    static const int map[][2] = {
        {200, RC_OK},          {204, RC_OK},          {400, RC_INVALID},
        {401, RC_DENIED},      {403, RC_DENIED},      {404, RC_NOT_FOUND},
        {409, RC_EXISTS},      {413, RC_TOO_LARGE},   {429, RC_BUSY},
        {500, RC_UNAVAILABLE}, {503, RC_UNAVAILABLE}, {504, RC_UNAVAILABLE},
        {302, RC_INTERNAL},
    };

    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        ck_assert_int_eq(google_status_rc(map[i][0]), map[i][1]);
}
END_TEST

Suite *suite_google_error(void)
{
    Suite *s = suite_create("google_error");
    TCase *tc = tcase_create("google_error");

    tcase_add_loop_test(tc, finds_the_sentence, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, finds_the_reason);
    tcase_add_test(tc, cuts_a_long_sentence_at_a_character);
    tcase_add_test(tc, statuses_have_their_codes);
    suite_add_tcase(s, tc);
    return s;
}
