/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets, and the signatures of RFC 7515's own examples (A.2, A.3). */
#include <check.h>
#include <stdio.h>

#include "auth/jwks.h"

#define N_A2                                                                   \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"        \
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-"                                        \
    "yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_"                \
    "7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"                       \
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_"                \
    "I5IhlJH7aGhyxXFvUK-"                                                      \
    "DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define KEY_A2 "{\"kty\":\"RSA\",\"n\":\"" N_A2 "\",\"e\":\"AQAB\"}"
#define KEY_A3                                                                 \
    "{\"kty\":\"EC\",\"crv\":\"P-256\","                                       \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                   \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define PAYLOAD                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"   \
    "NvbS9pc19yb290Ijp0cnVlfQ"
#define TOKEN_A2                                                               \
    "eyJhbGciOiJSUzI1NiJ9." PAYLOAD "."                                        \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm"   \
    "4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_" \
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6" \
    "_dO--xi12jzDwusC-"                                                        \
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"                \
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define TOKEN_A3                                                               \
    "eyJhbGciOiJFUzI1NiJ9." PAYLOAD "."                                        \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK"  \
    "TUJqPP3-Kg6NU1Q"

static struct jwks *set(const char *keys)
{
    struct jwks *out = NULL;
    struct err err = {.text = ""};
    char text[4096];

    snprintf(text, sizeof(text), "{\"keys\":[%s]}", keys);
    ck_assert_msg(jwks_parse(str_from(text), &out, &err) == RC_OK, "%s",
                  err.text);
    return out;
}

static enum jwks_result verify(const char *keys, const char *token)
{
    struct jwks *s = set(keys);
    enum jwks_result result;
    static struct jwt jwt;
    const char *why;

    ck_assert_msg(jwt_parse(str_from(token), &jwt, &why), "%s", why);
    result = jwks_verify(s, &jwt);
    jwks_unref(s);
    return result;
}

START_TEST(examples_of_the_standard_hold)
{
    ck_assert_int_eq(verify(KEY_A2, TOKEN_A2), JWKS_GOOD);
    ck_assert_int_eq(verify(KEY_A3, TOKEN_A3), JWKS_GOOD);
    ck_assert_int_eq(verify(KEY_A2 "," KEY_A3, TOKEN_A3), JWKS_GOOD);
}
END_TEST

START_TEST(key_of_another_kind_is_never_tried)
{
    ck_assert_int_eq(verify(KEY_A2, TOKEN_A3), JWKS_UNKNOWN);
    ck_assert_int_eq(verify(KEY_A3, TOKEN_A2), JWKS_UNKNOWN);
}
END_TEST

START_TEST(changed_signature_does_not_hold)
{
    char token[sizeof(TOKEN_A3)];

    for (size_t i = sizeof(TOKEN_A3) - 80; i < sizeof(TOKEN_A3) - 3; i++) {
        memcpy(token, TOKEN_A3, sizeof(token));
        token[i] = token[i] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(verify(KEY_A3, token), JWKS_BAD);
    }
}
END_TEST

static const char *const useless[] = {
    "",
    "{}",
    "[]",
    "{\"keys\":{}}",
    "{\"keys\":[]}",
    "{\"keys\":[1,null,{}]}",
    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N_A2 "\",\"e\":\"AQ\"}]}",
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N_A2
    "\",\"e\":\"AQAB\",\"use\":\"enc\"}]}",
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N_A2
    "\",\"e\":\"AQAB\",\"alg\":\"RS512\"}]}",
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}]"
    "}",
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
};
START_TEST(set_without_a_key_for_us_is_told)
{
    struct jwks *out = NULL;
    struct err err = {.text = ""};

    ck_assert_msg(jwks_parse(str_from(useless[_i]), &out, &err) == RC_INVALID,
                  "%s", useless[_i]);
    ck_assert(err.text[0]);
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(unusable_keys_are_passed_over)
{
    struct jwks *s = set("{\"kty\":\"oct\",\"k\":\"AAAA\"}," KEY_A3 ",7");

    ck_assert_uint_eq(jwks_count(s), 1);
    jwks_unref(s);
}
END_TEST

Suite *suite_jwks(void)
{
    Suite *s = suite_create("jwks");
    TCase *t = tcase_create("jwks");

    tcase_add_test(t, examples_of_the_standard_hold);
    tcase_add_test(t, key_of_another_kind_is_never_tried);
    tcase_add_test(t, changed_signature_does_not_hold);
    tcase_add_loop_test(t, set_without_a_key_for_us_is_told, 0,
                        sizeof(useless) / sizeof(useless[0]));
    tcase_add_test(t, unusable_keys_are_passed_over);
    suite_add_tcase(s, t);
    return s;
}
