/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwks.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/mem.h"

enum {
    KEYS_MAX = 64,
    BITS_MIN = 2048,
    BITS_MAX = 8192, /* verifying with a larger one is an attack on us */
    NUMBER_MAX = 1100,
    HALF = 32 /* bytes of r, s, x and y on P-256 */
};

struct key {
    enum jwt_algorithm algorithm;
    char kid[JWT_TEXT_MAX]; /* empty: none */
    EVP_PKEY *pkey;
};

struct jwks {
    int refs; /* atomic */
    size_t n;
    struct key keys[KEYS_MAX];
};

/* --- one key --- */

static const char *text_of(const json_t *key, const char *name)
{
    const char *text = json_string_value(json_object_get(key, name));

    return text ? text : "";
}

/* base64url bytes; 0: none or too many. */
static size_t bytes_of(const json_t *key, const char *name, unsigned char *out)
{
    struct str text = str_from(text_of(key, name));
    size_t len = 0;

    if (text.len == 0 || base64_decoded_max(text.len) > NUMBER_MAX ||
        !base64_decode(text, out, &len))
        return 0;
    return len;
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY *pkey = NULL;

    if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *rsa_key(const json_t *key)
{
    unsigned char n_bytes[NUMBER_MAX], e_bytes[NUMBER_MAX];
    size_t n_len = bytes_of(key, "n", n_bytes);
    size_t e_len = bytes_of(key, "e", e_bytes);
    BIGNUM *n = BN_bin2bn(n_bytes, (int)n_len, NULL);
    BIGNUM *e = BN_bin2bn(e_bytes, (int)e_len, NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    if (n && e && bld && BN_num_bits(n) >= BITS_MIN &&
        BN_num_bits(n) <= BITS_MAX && BN_is_odd(e) && !BN_is_one(e) &&
        BN_num_bits(e) <= 64 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
        pkey = build("RSA", bld);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    return pkey;
}

static EVP_PKEY *ec_key(const json_t *key)
{
    unsigned char point[1 + 2 * HALF] = {4}; /* uncompressed */
    unsigned char x[NUMBER_MAX], y[NUMBER_MAX];
    OSSL_PARAM_BLD *bld;
    EVP_PKEY *pkey = NULL;

    if (strcmp(text_of(key, "crv"), "P-256") != 0 ||
        bytes_of(key, "x", x) != HALF || bytes_of(key, "y", y) != HALF)
        return NULL;
    memcpy(point + 1, x, HALF);
    memcpy(point + 1 + HALF, y, HALF);
    bld = OSSL_PARAM_BLD_new();
    if (bld &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                        "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         sizeof(point)))
        pkey = build("EC", bld); /* refuses a point off the curve */
    OSSL_PARAM_BLD_free(bld);
    return pkey;
}

static bool is_use(const json_t *key, const char *algorithm)
{
    const char *use = text_of(key, "use"), *alg = text_of(key, "alg");

    return (!use[0] || strcmp(use, "sig") == 0) &&
           (!alg[0] || strcmp(alg, algorithm) == 0);
}

/* False: none that we use. */
static bool take_key(const json_t *json, struct key *out)
{
    const char *type = text_of(json, "kty"), *kid = text_of(json, "kid");

    if (strlen(kid) >= sizeof(out->kid))
        return false;
    snprintf(out->kid, sizeof(out->kid), "%s", kid);
    out->pkey = NULL;
    if (strcmp(type, "RSA") == 0 && is_use(json, "RS256")) {
        out->algorithm = JWT_RS256;
        out->pkey = rsa_key(json);
    } else if (strcmp(type, "EC") == 0 && is_use(json, "ES256")) {
        out->algorithm = JWT_ES256;
        out->pkey = ec_key(json);
    }
    return out->pkey != NULL;
}

/* --- the set --- */

int jwks_parse(struct str text, struct jwks **out, struct err *err)
{
    json_error_t why;
    json_t *json = json_loadb(text.p ? text.p : "", text.len,
                              JSON_REJECT_DUPLICATES, &why);
    const json_t *keys = json_object_get(json, "keys");
    struct jwks *set;
    size_t n = json_array_size(keys);

    if (!json || !json_is_array(keys)) {
        json_decref(json);
        return err_set(err, RC_INVALID, "it is no JSON Web Key Set");
    }
    set = MEM_NEW(struct jwks);
    set->refs = 1;
    for (size_t i = 0; i < n && set->n < KEYS_MAX; i++) {
        if (take_key(json_array_get(keys, i), &set->keys[set->n]))
            set->n++;
    }
    json_decref(json);
    if (set->n == 0) {
        jwks_unref(set);
        return err_set(err, RC_INVALID,
                       "it holds no key for RS256 (2,048 bits or more) or "
                       "ES256");
    }
    *out = set;
    return RC_OK;
}

struct jwks *jwks_ref(struct jwks *set)
{
    __atomic_add_fetch(&set->refs, 1, __ATOMIC_RELAXED);
    return set;
}

void jwks_unref(struct jwks *set)
{
    if (!set || __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < set->n; i++)
        EVP_PKEY_free(set->keys[i].pkey);
    mem_free(set);
}

size_t jwks_count(const struct jwks *set)
{
    return set->n;
}

/* --- signatures --- */

/* r and s, 32 bytes each (RFC 7518 section 3.4) -> DER; 0: no memory. */
static int der_of(const unsigned char *raw, unsigned char **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw + HALF, HALF, NULL);
    int len = 0;

    *der = NULL;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len < 0 ? 0 : len;
}

static bool verify(EVP_PKEY *pkey, const unsigned char *signature, size_t len,
                   struct str text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx &&
              EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestVerify(ctx, signature, len,
                               (const unsigned char *)text.p, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool fits(const struct key *key, const struct jwt *jwt)
{
    unsigned char *der;
    int len;
    bool ok;

    if (jwt->algorithm == JWT_RS256)
        return verify(key->pkey, jwt->signature, jwt->signature_len,
                      jwt->signed_text);
    if (jwt->signature_len != 2 * HALF)
        return false;
    len = der_of(jwt->signature, &der);
    ok = len && verify(key->pkey, der, (size_t)len, jwt->signed_text);
    OPENSSL_free(der);
    return ok;
}

enum jwks_result jwks_verify(const struct jwks *set, const struct jwt *jwt)
{
    enum jwks_result result = JWKS_UNKNOWN;

    for (size_t i = 0; i < set->n; i++) {
        const struct key *key = &set->keys[i];

        if (key->algorithm != jwt->algorithm ||
            (jwt->has_kid && strcmp(key->kid, jwt->kid) != 0))
            continue;
        if (fits(key, jwt))
            return JWKS_GOOD;
        result = JWKS_BAD;
    }
    return result;
}
