/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sha256.h"

#include <openssl/sha.h>

void sha256(struct str in, unsigned char out[SHA256_BYTES])
{
    SHA256((const unsigned char *)(in.p ? in.p : ""), in.len, out);
}
