/* SPDX-License-Identifier: Apache-2.0 */
#include "common/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

/* OpenSSL fails here only without memory or without the algorithm, as a
 * hardened policy leaves MD5 out: there is no digest to go on with. */
static void digest(const EVP_MD *md, struct str in, unsigned char *out)
{
    if (EVP_Digest(in.p ? in.p : "", in.len, out, NULL, md, NULL) != 1)
        abort();
}

void digest_md5(struct str in, unsigned char out[MD5_BYTES])
{
    digest(EVP_md5(), in, out);
}

void digest_sha1(struct str in, unsigned char out[SHA1_BYTES])
{
    digest(EVP_sha1(), in, out);
}

void digest_sha256(struct str in, unsigned char out[SHA256_BYTES])
{
    digest(EVP_sha256(), in, out);
}

void digest_sha512(struct str in, unsigned char out[SHA512_BYTES])
{
    digest(EVP_sha512(), in, out);
}
