/* SPDX-License-Identifier: Apache-2.0 */
/* Each function of libcrypto that the programs use, passed on to the library.
 */
#include "common/crypto_map.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/library.h"

/* NAME, result, parameters, arguments */
#define FUNCTIONS(F)                                                           \
    F(ASN1_INTEGER_set, int, (ASN1_INTEGER * a, long v), (a, v))               \
    F(ASN1_TIME_set, ASN1_TIME *, (ASN1_TIME * a, time_t t), (a, t))           \
    F(BIO_ctrl, long, (BIO * b, int cmd, long n, void *p), (b, cmd, n, p))     \
    F(BIO_free, int, (BIO * b), (b))                                           \
    F(BIO_new, BIO *, (const BIO_METHOD *m), (m))                              \
    F(BIO_new_mem_buf, BIO *, (const void *p, int len), (p, len))              \
    F(BIO_s_mem, const BIO_METHOD *, (void), ())                               \
    F(BN_bin2bn, BIGNUM *, (const unsigned char *p, int len, BIGNUM *n),       \
      (p, len, n))                                                             \
    F(BN_bn2bin, int, (const BIGNUM *n, unsigned char *p), (n, p))             \
    F(BN_is_odd, int, (const BIGNUM *n), (n))                                  \
    F(BN_is_one, int, (const BIGNUM *n), (n))                                  \
    F(BN_num_bits, int, (const BIGNUM *n), (n))                                \
    F(ECDSA_SIG_new, ECDSA_SIG *, (void), ())                                  \
    F(ECDSA_SIG_set0, int, (ECDSA_SIG * sig, BIGNUM * r, BIGNUM * s),          \
      (sig, r, s))                                                             \
    F(EVP_Digest, int,                                                         \
      (const void *p, size_t len, unsigned char *out, unsigned *n,             \
       const EVP_MD *md, ENGINE *e),                                           \
      (p, len, out, n, md, e))                                                 \
    F(EVP_DigestSign, int,                                                     \
      (EVP_MD_CTX * c, unsigned char *sig, size_t *n, const unsigned char *p,  \
       size_t len),                                                            \
      (c, sig, n, p, len))                                                     \
    F(EVP_DigestSignInit, int,                                                 \
      (EVP_MD_CTX * c, EVP_PKEY_CTX * *pc, const EVP_MD *md, ENGINE *e,        \
       EVP_PKEY *key),                                                         \
      (c, pc, md, e, key))                                                     \
    F(EVP_DigestVerify, int,                                                   \
      (EVP_MD_CTX * c, const unsigned char *sig, size_t n,                     \
       const unsigned char *p, size_t len),                                    \
      (c, sig, n, p, len))                                                     \
    F(EVP_DigestVerifyInit, int,                                               \
      (EVP_MD_CTX * c, EVP_PKEY_CTX * *pc, const EVP_MD *md, ENGINE *e,        \
       EVP_PKEY *key),                                                         \
      (c, pc, md, e, key))                                                     \
    F(EVP_MD_CTX_new, EVP_MD_CTX *, (void), ())                                \
    F(EVP_PKEY_CTX_new_from_name, EVP_PKEY_CTX *,                              \
      (OSSL_LIB_CTX * l, const char *name, const char *query),                 \
      (l, name, query))                                                        \
    F(EVP_PKEY_fromdata, int,                                                  \
      (EVP_PKEY_CTX * c, EVP_PKEY * *key, int selection, OSSL_PARAM *p),       \
      (c, key, selection, p))                                                  \
    F(EVP_PKEY_fromdata_init, int, (EVP_PKEY_CTX * c), (c))                    \
    F(EVP_PKEY_get_base_id, int, (const EVP_PKEY *key), (key))                 \
    F(EVP_PKEY_get_bits, int, (const EVP_PKEY *key), (key))                    \
    F(EVP_PKEY_get_bn_param, int,                                              \
      (const EVP_PKEY *key, const char *name, BIGNUM **n), (key, name, n))     \
    F(EVP_md5, const EVP_MD *, (void), ())                                     \
    F(EVP_sha1, const EVP_MD *, (void), ())                                    \
    F(EVP_sha256, const EVP_MD *, (void), ())                                  \
    F(EVP_sha512, const EVP_MD *, (void), ())                                  \
    F(HMAC, unsigned char *,                                                   \
      (const EVP_MD *md, const void *key, int key_len, const unsigned char *p, \
       size_t len, unsigned char *out, unsigned *n),                           \
      (md, key, key_len, p, len, out, n))                                      \
    F(OSSL_PARAM_BLD_new, OSSL_PARAM_BLD *, (void), ())                        \
    F(OSSL_PARAM_BLD_push_BN, int,                                             \
      (OSSL_PARAM_BLD * b, const char *name, const BIGNUM *n), (b, name, n))   \
    F(OSSL_PARAM_BLD_push_octet_string, int,                                   \
      (OSSL_PARAM_BLD * b, const char *name, const void *p, size_t len),       \
      (b, name, p, len))                                                       \
    F(OSSL_PARAM_BLD_push_utf8_string, int,                                    \
      (OSSL_PARAM_BLD * b, const char *name, const char *p, size_t len),       \
      (b, name, p, len))                                                       \
    F(OSSL_PARAM_BLD_to_param, OSSL_PARAM *, (OSSL_PARAM_BLD * b), (b))        \
    F(PEM_read_bio_PrivateKey, EVP_PKEY *,                                     \
      (BIO * b, EVP_PKEY * *key, pem_password_cb * ask, void *u),              \
      (b, key, ask, u))                                                        \
    F(PEM_write_bio_PrivateKey, int,                                           \
      (BIO * b, const EVP_PKEY *key, const EVP_CIPHER *c,                      \
       const unsigned char *pass, int len, pem_password_cb *ask, void *u),     \
      (b, key, c, pass, len, ask, u))                                          \
    F(PEM_write_bio_X509, int, (BIO * b, const X509 *x), (b, x))               \
    F(X509_NAME_add_entry_by_txt, int,                                         \
      (X509_NAME * n, const char *field, int type, const unsigned char *p,     \
       int len, int where, int set),                                           \
      (n, field, type, p, len, where, set))                                    \
    F(X509_get_serialNumber, ASN1_INTEGER *, (X509 * x), (x))                  \
    F(X509_get_subject_name, X509_NAME *, (const X509 *x), (x))                \
    F(X509_getm_notAfter, ASN1_TIME *, (const X509 *x), (x))                   \
    F(X509_getm_notBefore, ASN1_TIME *, (const X509 *x), (x))                  \
    F(X509_new, X509 *, (void), ())                                            \
    F(X509_set_issuer_name, int, (X509 * x, const X509_NAME *n), (x, n))       \
    F(X509_set_pubkey, int, (X509 * x, EVP_PKEY * key), (x, key))              \
    F(X509_set_version, int, (X509 * x, long v), (x, v))                       \
    F(X509_sign, int, (X509 * x, EVP_PKEY * key, const EVP_MD *md),            \
      (x, key, md))                                                            \
    F(i2d_ECDSA_SIG, int, (const ECDSA_SIG *sig, unsigned char **out),         \
      (sig, out))

#define PROCEDURES(F)                                                          \
    F(BN_free, (BIGNUM * n), (n))                                              \
    F(CRYPTO_free, (void *p, const char *file, int line), (p, file, line))     \
    F(ECDSA_SIG_free, (ECDSA_SIG * sig), (sig))                                \
    F(EVP_MD_CTX_free, (EVP_MD_CTX * c), (c))                                  \
    F(EVP_PKEY_CTX_free, (EVP_PKEY_CTX * c), (c))                              \
    F(EVP_PKEY_free, (EVP_PKEY * key), (key))                                  \
    F(OSSL_PARAM_BLD_free, (OSSL_PARAM_BLD * b), (b))                          \
    F(OSSL_PARAM_free, (OSSL_PARAM * p), (p))                                  \
    F(X509_free, (X509 * x), (x))

/* Written once, by map_once. */
static struct {
    bool is_mapped;
    FUNCTIONS(LIBRARY_POINTER)
    PROCEDURES(LIBRARY_PROCEDURE_POINTER)
    EVP_PKEY *(*EVP_PKEY_Q_keygen)(OSSL_LIB_CTX *l, const char *query,
                                   const char *type, ...);
} real;
static pthread_once_t mapped = PTHREAD_ONCE_INIT;

static void map_once(void)
{
    static const char *const names[] = {"libcrypto.so.3", NULL};
    const struct library_symbol symbols[] = {
        FUNCTIONS(LIBRARY_SYMBOL) PROCEDURES(LIBRARY_SYMBOL)
            LIBRARY_SYMBOL(EVP_PKEY_Q_keygen)};

    real.is_mapped =
        library_map(names, symbols, sizeof(symbols) / sizeof(symbols[0]));
}

int crypto_map(struct err *err)
{
    pthread_once(&mapped, map_once);
    if (!real.is_mapped)
        return err_set(err, RC_UNSUPPORTED,
                       "signatures and digests need libcrypto.so.3, which is "
                       "not installed: on Debian, apt-get install libssl3");
    return RC_OK;
}

/* Whoever did not ask beforehand cannot be told in another way. */
static void must_map(void)
{
    struct err err = {0};

    if (crypto_map(&err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

#define PASS_ON(name, result, parameters, arguments)                           \
    LIBRARY_PASSED result name parameters                                      \
    {                                                                          \
        must_map();                                                            \
        return real.name arguments;                                            \
    }
FUNCTIONS(PASS_ON)
#undef PASS_ON
#define PASS_ON(name, parameters, arguments)                                   \
    LIBRARY_PASSED void name parameters                                        \
    {                                                                          \
        must_map();                                                            \
        real.name arguments;                                                   \
    }
PROCEDURES(PASS_ON)
#undef PASS_ON

/* EVP_RSA_gen: its one argument is the size in bits. */
LIBRARY_PASSED EVP_PKEY *EVP_PKEY_Q_keygen(OSSL_LIB_CTX *l, const char *query,
                                           const char *type, ...)
{
    va_list ap;
    size_t bits;

    must_map();
    va_start(ap, type);
    bits = va_arg(ap, size_t);
    va_end(ap);
    return real.EVP_PKEY_Q_keygen(l, query, type, bits);
}
