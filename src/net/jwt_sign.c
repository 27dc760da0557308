/* SPDX-License-Identifier: Apache-2.0 */
#include "net/jwt_sign.h"

#include <openssl/evp.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/crypto_map.h"
#include "common/mem.h"
#include "net/rsa_pem.h"

enum {
    KEY_BITS_MIN = 2048,
    TOKEN_MAX = 64 * 1024
};

struct jwt_key {
    EVP_PKEY *pkey;
};

int jwt_key_parse(struct str pem, struct jwt_key **out, struct err *err)
{
    EVP_PKEY *pkey;

    if (crypto_map(err))
        return RC_UNSUPPORTED;
    pkey = rsa_pem_read(pem);
    if (!pkey || EVP_PKEY_bits(pkey) < KEY_BITS_MIN) {
        EVP_PKEY_free(pkey);
        return err_set(err, RC_INVALID,
                       "private_key is no unencrypted RSA key of %d bits or "
                       "more in PEM form",
                       KEY_BITS_MIN);
    }
    *out = MEM_NEW(struct jwt_key);
    (*out)->pkey = pkey;
    return RC_OK;
}

void jwt_key_free(struct jwt_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    mem_free(key);
}

static void put_base64(struct buf *b, const void *p, size_t len)
{
    if (!buf_reserve(b, base64_encoded_max(len)))
        return;
    b->len += base64_encode_url(b->data + b->len, p, len);
    b->data[b->len] = '\0';
}

static bool put_signature(struct buf *b, EVP_PKEY *pkey)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[1024]; /* RSA keys up to 8,192 bits */
    size_t len = sizeof(signature);
    bool ok = ctx &&
              EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestSign(ctx, signature, &len,
                             (const unsigned char *)b->data, b->len) == 1;

    EVP_MD_CTX_free(ctx);
    if (!ok)
        return false;
    buf_putc(b, '.');
    put_base64(b, signature, len);
    return true;
}

int jwt_sign(const struct jwt_key *key, const char *key_id, struct str claims,
             char **out, struct err *err)
{
    struct buf header, token;
    bool ok;

    buf_init(&header, TOKEN_MAX);
    buf_init(&token, TOKEN_MAX);
    buf_puts(&header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (key_id) {
        buf_puts(&header, ",\"kid\":");
        buf_json_str(&header, str_from(key_id));
    }
    buf_putc(&header, '}');
    put_base64(&token, header.data, header.len);
    buf_putc(&token, '.');
    put_base64(&token, claims.p, claims.len);
    ok = !header.failed && !token.failed && put_signature(&token, key->pkey) &&
         !token.failed;
    buf_fini(&header);
    if (!ok) {
        buf_fini(&token);
        return err_set(err, RC_INTERNAL, "the token could not be signed");
    }
    *out = buf_take(&token, NULL);
    return RC_OK;
}
