/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies: what they carry, what is refused, in pieces of any size. */
#include <check.h>

#include "http/http1.h"

enum {
    TRAILERS = 64
};

static char *empty(char *out)
{
    *out = 0;
    return out;
}

/* Decodes in pieces of `step` bytes. Returns bytes taken at the end, 0 if it
 * did not end, or the error. */
static ptrdiff_t decode(const char *text, size_t step, char *out)
{
    struct http1_chunks chunks = {0};
    size_t len = strlen(text), at = 0;

    while (at < len) {
        size_t piece = len - at < step ? len - at : step;
        struct str data;
        bool end;
        ptrdiff_t n =
            http1_chunks_feed(&chunks, text + at, piece, TRAILERS, &data, &end);

        if (n < 0)
            return n;
        ck_assert_int_gt(n, 0);
        if (data.len) {
            memcpy(out, data.p, data.len);
            out += data.len;
        }
        *out = '\0';
        at += (size_t)n;
        if (end)
            return (ptrdiff_t)at;
    }
    return 0;
}

static const struct {
    const char *text;
    const char *data;
    ptrdiff_t taken; /* of good ones; else the error; 0: unfinished */
} cases[] = {
    {"5\r\nhello\r\n0\r\n\r\n", "hello", 15},
    {"5\r\nhello\r\n0\r\n\r\nGET /", "hello", 15},
    {"0\r\n\r\n", "", 5},
    {"1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n", "a0123456789", 28},
    {"1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n", "x", 25},
    {"1\r\nx\r\n0\r\na: b\r\nc:\r\n\r\n", "x", 21},
    {"5\r\nhel", "hel", 0},
    {"5\r\nhello\r\n0\r\n", "hello", 0},
    {"5\nhello\r\n0\r\n\r\n", "", -1},
    {"5\r\nhello\n0\r\n\r\n", "hello", -1},
    {"5\r\nhello0\r\n\r\n", "hello", -1},
    {"5 \r\nhello\r\n0\r\n\r\n", "", -1},
    {" 5\r\nhello\r\n0\r\n\r\n", "", -1},
    {"0x5\r\nhello\r\n0\r\n\r\n", "", -1},
    {"+5\r\nhello\r\n0\r\n\r\n", "", -1},
    {"-1\r\nhello\r\n0\r\n\r\n", "", -1},
    {"\r\nhello\r\n0\r\n\r\n", "", -1},
    {";\r\nhello\r\n0\r\n\r\n", "", -1},
    {"g\r\nhello\r\n0\r\n\r\n", "", -1},
    {"1\rx\r\n0\r\n\r\n", "", -1},
    {"1;a\nx\r\n0\r\n\r\n", "", -1},
    {"1;\x01\r\nx\r\n0\r\n\r\n", "", -1},
    {"FFFFFFFFFFFFFFFF\r\nx", "", -1},
    {"10000000000000000\r\nx", "", -1},
    {"0\r\n a: b\r\n\r\n", "", -1},
    {"0\r\na\r\n\r\n", "", -1},
    {"0\r\na : b\r\n\r\n", "", -1},
    {"0\r\na: b\nc: d\r\n\r\n", "", -1},
    {"0\r\n\n", "", -1},
    {"0\r\n\rx", "", -1},
    {"0\r\na: "
     "0123456789012345678901234567890123456789012345678901234567890\r\n",
     "", -2},
};

START_TEST(each_body_is_decoded_or_refused)
{
    char out[256], again[256];
    ptrdiff_t taken = decode(cases[_i].text, 4096, empty(out));

    ck_assert_msg(taken == cases[_i].taken, "case %d: %td", _i, taken);
    ck_assert_str_eq(out, cases[_i].data);
    for (size_t step = 1; step < 6; step++) {
        ck_assert_int_eq(decode(cases[_i].text, step, empty(again)), taken);
        ck_assert_str_eq(again, out);
    }
}
END_TEST

START_TEST(an_endless_extension_is_refused)
{
    char text[600] = "1;", out[64];

    memset(text + 2, 'a', 500);
    ck_assert_int_eq(decode(text, 7, out), -1);
}
END_TEST

Suite *suite_chunks(void)
{
    Suite *s = suite_create("chunks");
    TCase *t = tcase_create("bodies");

    tcase_add_loop_test(t, each_body_is_decoded_or_refused, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, an_endless_extension_is_refused);
    suite_add_tcase(s, t);
    return s;
}
