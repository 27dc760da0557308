/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions of strings and bytes. */
#include "common/digest.h"
#include "emulator/bigquery/sql/digest_farm.h"
#include "emulator/bigquery/sql/fn.h"

static void hash(struct fn *f, void (*digest)(struct str, unsigned char *),
                 size_t len)
{
    unsigned char out[DIGEST_MAX];

    digest(fn_str(f, 0), out);
    fn_set_blob(f, str_of((const char *)out, len));
}

void rt_md5(struct fn *f)
{
    hash(f, digest_md5, MD5_BYTES);
}

void rt_sha1(struct fn *f)
{
    hash(f, digest_sha1, SHA1_BYTES);
}

void rt_sha256(struct fn *f)
{
    hash(f, digest_sha256, SHA256_BYTES);
}

void rt_sha512(struct fn *f)
{
    hash(f, digest_sha512, SHA512_BYTES);
}

void rt_farm_fingerprint(struct fn *f)
{
    fn_set_int(f, (int64_t)digest_farm(fn_str(f, 0)));
}
