/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: the vectors of RFC 4648 section 10, both alphabets, strictness. */
#include "common/base64.h"

#include <check.h>

static const struct {
    const char *bytes, *text, *bare;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

START_TEST(the_vectors_go_both_ways)
{
    struct str bytes = str_from(vectors[_i].bytes);
    char out[32];
    size_t len;

    len = base64_encode(out, bytes.p, bytes.len);
    ck_assert(str_eq(str_of(out, len), str_from(vectors[_i].text)));
    ck_assert_uint_le(len, base64_encoded_max(bytes.len));
    len = base64_encode_url(out, bytes.p, bytes.len);
    ck_assert(str_eq(str_of(out, len), str_from(vectors[_i].bare)));
    ck_assert(base64_decode(str_from(vectors[_i].text), out, &len));
    ck_assert(str_eq(str_of(out, len), bytes));
    ck_assert(base64_decode(str_from(vectors[_i].bare), out, &len));
    ck_assert(str_eq(str_of(out, len), bytes));
}
END_TEST

static const char *const bad[] = {
    "Z",
    "Zg=",
    "Zg===",
    "=",
    "==",
    "====",
    "Zh==",
    "Zm9=",
    "Zm 9v",
    "Zm9\n",
    "Z=g=",
    "Zm9v=",
    "Zm9vYg=",
    "*m9v",
    "Zm9v\x80"
    "AAA",
};

START_TEST(anything_else_is_refused)
{
    char out[32];
    size_t len;

    ck_assert_msg(!base64_decode(str_from(bad[_i]), out, &len), "%s", bad[_i]);
}
END_TEST

START_TEST(all_bytes_of_all_lengths_come_back)
{
    unsigned char in[300], back[303];
    char text[404];

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (unsigned char)(i * 167 + i / 256);
    for (size_t n = 0; n <= sizeof(in); n++) {
        size_t len = base64_encode(text, in, n), got = 999;
        ck_assert(base64_decode(str_of(text, len), back, &got));
        ck_assert_uint_eq(got, n);
        ck_assert_int_eq(memcmp(in, back, n), 0);
    }
}
END_TEST

Suite *suite_base64(void)
{
    Suite *s = suite_create("base64");
    TCase *tc = tcase_create("base64");

    tcase_add_loop_test(tc, the_vectors_go_both_ways, 0,
                        sizeof(vectors) / sizeof(vectors[0]));
    tcase_add_loop_test(tc, anything_else_is_refused, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, all_bytes_of_all_lengths_come_back);
    suite_add_tcase(s, tc);
    return s;
}
