/* SPDX-License-Identifier: Apache-2.0 */
#include "net/rsa_pem.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* Without it OpenSSL would ask the terminal. */
static int no_password(char *out, int size, int for_writing, void *arg)
{
    (void)out;
    (void)size;
    (void)for_writing;
    (void)arg;
    return 0;
}

struct evp_pkey_st *rsa_pem_read(struct str pem)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    if (key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}
