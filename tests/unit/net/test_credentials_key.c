/* SPDX-License-Identifier: Apache-2.0 */
/* A service account's key signs tokens without asking anybody. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/mem.h"
#include "credentials_world.h"
#include "net/credentials.h"

static EVP_PKEY *make_key(unsigned bits, char *pem, size_t size)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, pem, (int)size - 1);
    ck_assert_int_gt(n, 0);
    pem[n] = '\0';
    BIO_free(bio);
    return key;
}

static void open_service_account(const char *pem)
{
    struct buf b;
    struct err err = {0};

    buf_init(&b, 65536);
    buf_puts(&b, "{\"type\":\"service_account\",\"client_email\":\"a@b\","
                 "\"private_key_id\":\"kid1\",\"quota_project_id\":\"payer\","
                 "\"private_key\":");
    buf_json_str(&b, str_from(pem));
    buf_putc(&b, '}');
    ck_assert_msg(credentials_parse(world.loop, buf_as_str(&b), "key.json",
                                    &world.source, &err) == RC_OK,
                  "%s", err.text);
    buf_fini(&b);
}

static bool verifies(EVP_PKEY *key, struct str signed_part,
                     struct str signature)
{
    unsigned char raw[1024];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len;
    bool ok =
        base64_decode(signature, raw, &len) &&
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, raw, len, (const unsigned char *)signed_part.p,
                         signed_part.len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

START_TEST(a_service_account_signs_its_own_token)
{
    char pem[8192], claims[2048];
    EVP_PKEY *key = make_key(2048, pem, sizeof(pem));
    struct str token, rest, head, body;
    size_t len;

    open_service_account(pem);
    token = rest = str_from(world_ask());
    head = str_cut(&rest, '.');
    body = str_cut(&rest, '.');
    ck_assert(base64_decode(head, claims, &len));
    claims[len] = '\0';
    ck_assert_str_eq(claims,
                     "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid1\"}");
    ck_assert(base64_decode(body, claims, &len));
    claims[len] = '\0';
    ck_assert_ptr_nonnull(strstr(claims, "\"iss\":\"a@b\",\"sub\":\"a@b\""));
    ck_assert_ptr_nonnull(strstr(claims, "auth/cloud-platform"));
    ck_assert(verifies(key, str_of(token.p, head.len + 1 + body.len), rest));
    ck_assert_uint_eq(world.n_requests, 0);
    ck_assert_str_eq(token_quota_project(world.source), "payer");
    ck_assert_ptr_nonnull(strstr(token_describe(world.source), "a@b"));
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_token_is_kept_until_it_is_refused)
{
    char pem[8192], first[2048];
    EVP_PKEY *key = make_key(2048, pem, sizeof(pem));

    open_service_account(pem);
    snprintf(first, sizeof(first), "%s", world_ask());
    ck_assert_str_eq(world_ask(), first);
    token_refused(world.source, STR("another"));
    ck_assert_str_eq(world_ask(), first);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(a_weak_key_is_refused)
{
    char pem[8192];
    EVP_PKEY *key = make_key(1024, pem, sizeof(pem));
    struct buf b;
    struct err err = {0};

    buf_init(&b, 65536);
    buf_puts(&b, "{\"type\":\"service_account\",\"client_email\":\"a@b\","
                 "\"private_key\":");
    buf_json_str(&b, str_from(pem));
    buf_putc(&b, '}');
    ck_assert_int_eq(
        credentials_parse(world.loop, buf_as_str(&b), "k", &world.source, &err),
        RC_INVALID);
    buf_fini(&b);
    EVP_PKEY_free(key);
}
END_TEST

Suite *suite_credentials_key(void)
{
    Suite *s = suite_create("credentials_key");
    TCase *tc = world_case("credentials_key");

    tcase_add_test(tc, a_service_account_signs_its_own_token);
    tcase_add_test(tc, a_token_is_kept_until_it_is_refused);
    tcase_add_test(tc, a_weak_key_is_refused);
    suite_add_tcase(s, tc);
    return s;
}
