/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/identity/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/crypto_map.h"
#include "common/mem.h"
#include "net/rsa_pem.h"
#include "common/digest.h"

enum {
    KEY_BITS = 2048,
    NUMBER_BYTES = 1024 /* of a key of up to 8,192 bits */
};

/* What was written, or NULL; frees the BIO. */
static char *take(BIO *bio, bool written)
{
    char *text = NULL, *p = NULL;
    long len = written ? BIO_get_mem_data(bio, &p) : 0;

    if (len > 0)
        text = mem_printf("%.*s", (int)len, p);
    BIO_free(bio);
    return text;
}

static char *pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    return take(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0,
                                                     NULL, NULL));
}

int key_make(char **pem, struct err *err)
{
    EVP_PKEY *key;
    char *text;

    if (crypto_map(err))
        return RC_UNSUPPORTED;
    key = EVP_RSA_gen(KEY_BITS);
    text = key ? pem_of(key) : NULL;
    EVP_PKEY_free(key);
    if (!text)
        return err_set(err, RC_INTERNAL, "no RSA key could be made");
    *pem = text;
    return RC_OK;
}

/* One of the key's numbers as RFC 7518 writes it; NULL: it has none. */
static char *number(EVP_PKEY *key, const char *name)
{
    unsigned char bytes[NUMBER_BYTES];
    BIGNUM *bn = NULL;
    char *out = NULL;
    size_t len;

    if (EVP_PKEY_get_bn_param(key, name, &bn) &&
        BN_num_bytes(bn) <= NUMBER_BYTES) {
        int n = BN_bn2bin(bn, bytes);

        out = mem_alloc(base64_encoded_max((size_t)n) + 1);
        len = base64_encode_url(out, bytes, (size_t)n);
        out[len] = '\0';
    }
    BN_free(bn);
    return out;
}

/* RFC 7638: the members that make the key, in order, without blanks. */
static void name_it(struct key_public *key)
{
    char *text = mem_printf("{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
                            key->e, key->n);
    unsigned char digest[SHA256_BYTES];

    digest_sha256(str_from(text), digest);
    for (size_t i = 0; i < KEY_ID_LEN / 2; i++)
        snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
    mem_free(text);
}

static int no_key(struct err *err)
{
    return err_set(err, RC_INVALID, "no RSA private key in PEM form");
}

int key_read_public(struct str pem, struct key_public *out, struct err *err)
{
    EVP_PKEY *pkey;
    struct key_public key = {0};

    if (crypto_map(err))
        return RC_UNSUPPORTED;
    pkey = rsa_pem_read(pem);
    if (pkey) {
        key.n = number(pkey, OSSL_PKEY_PARAM_RSA_N);
        key.e = number(pkey, OSSL_PKEY_PARAM_RSA_E);
    }
    EVP_PKEY_free(pkey);
    if (!key.n || !key.e) {
        key_public_fini(&key);
        return no_key(err);
    }
    name_it(&key);
    *out = key;
    return RC_OK;
}

/* Serial number, names, validity, key and signature. */
static bool fill_in(X509 *x, EVP_PKEY *key, int64_t now_s)
{
    const int64_t day_s = 86400;
    X509_NAME *name = X509_get_subject_name(x);
    const unsigned char *cn =
        (const unsigned char
             *)"federated-signon.system.gserviceaccount.com"; /* as Google's */

    return X509_set_version(x, 2) && /* that is, 3 */
           ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
           ASN1_TIME_set(X509_getm_notBefore(x), now_s - day_s) &&
           ASN1_TIME_set(X509_getm_notAfter(x), now_s + 3650 * day_s) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1,
                                      0) &&
           X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) &&
           X509_sign(x, key, EVP_sha256()) > 0;
}

int key_certificate(struct str pem, int64_t now_s, char **out, struct err *err)
{
    EVP_PKEY *key = rsa_pem_read(pem);
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool is_key = key != NULL;
    char *text = take(bio, bio && x && key && fill_in(x, key, now_s) &&
                               PEM_write_bio_X509(bio, x));

    X509_free(x);
    EVP_PKEY_free(key);
    if (!text)
        return is_key ? err_set(err, RC_INTERNAL, "no certificate can be made")
                      : no_key(err);
    *out = text;
    return RC_OK;
}

void key_public_fini(struct key_public *key)
{
    mem_free(key->n);
    mem_free(key->e);
    key->n = key->e = NULL;
}
