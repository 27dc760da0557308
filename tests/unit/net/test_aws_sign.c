/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures are those that botocore, AWS' own library, makes. */
#include "net/aws_sign.h"

#include <check.h>
#include <string.h>

#include "common/mem.h"

#define URL                                                                    \
    "https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&"            \
    "Version=2011-06-15"
#define SCOPE                                                                  \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250114/us-east-2/sts/"          \
    "aws4_request, SignedHeaders=host;x-amz-date;"

static const struct {
    const char *token, *authorization;
} cases[] = {
    {NULL,
     SCOPE "x-goog-cloud-target-resource, Signature="
           "b47d855fe6a6c5a0fb44fe48b0ce036df9f0d47a1934971d5a808c7adfd93171"},
    {"tok/EN+==",
     SCOPE "x-amz-security-token;x-goog-cloud-target-resource, Signature="
           "bbb2f64ea2ebee38eab6f080b1f762eb2b827e80a013514620e79f37cbddea0b"},
};

static struct aws_keys keys_of(const char *token)
{
    return (struct aws_keys){"AKIDEXAMPLE",
                             "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token};
}

START_TEST(signs_as_aws_does)
{
    struct aws_keys keys = keys_of(cases[_i].token);
    char *out = NULL;
    struct err err;

    ck_assert_int_eq(aws_sign(&keys, "us-east-2", URL, "//iam/pool",
                              "20250114T100000Z", &out, &err),
                     RC_OK);
    ck_assert_str_eq(out, cases[_i].authorization);
    mem_free(out);
}
END_TEST

START_TEST(the_subject_is_the_request_percent_encoded)
{
    struct aws_keys keys = keys_of(NULL);
    char *out = NULL;
    struct err err;

    ck_assert_int_eq(aws_subject(&keys, "us-east-2", URL, "//iam/pool",
                                 1736848800000000, &out, &err),
                     RC_OK);
    ck_assert_ptr_eq(out, strstr(out, "%7B%22url%22%3A%22https%3A%2F%2Fsts."));
    ck_assert_ptr_nonnull(strstr(out, "%22method%22%3A%22POST%22"));
    ck_assert_ptr_nonnull(
        strstr(out, "%7B%22key%22%3A%22x-amz-date%22%2C%22value%22%3A%22"
                    "20250114T100000Z%22%7D"));
    ck_assert_ptr_nonnull(
        strstr(out, "Signature%3Db47d855fe6a6c5a0fb44fe48b0ce036df9f0d47a1934"
                    "971d5a808c7adfd93171%22"));
    ck_assert_ptr_null(strstr(out, "wJalr"));
    mem_free(out);
}
END_TEST

START_TEST(plain_text_is_refused)
{
    struct aws_keys keys = keys_of(NULL);
    char *out = NULL;
    struct err err;

    ck_assert_int_eq(aws_sign(&keys, "r", "http://sts.r.amazonaws.com", NULL,
                              "20250114T100000Z", &out, &err),
                     RC_INVALID);
}
END_TEST

Suite *suite_aws_sign(void)
{
    Suite *s = suite_create("aws_sign");
    TCase *tc = tcase_create("aws_sign");

    tcase_add_loop_test(tc, signs_as_aws_does, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, the_subject_is_the_request_percent_encoded);
    tcase_add_test(tc, plain_text_is_refused);
    suite_add_tcase(s, tc);
    return s;
}
