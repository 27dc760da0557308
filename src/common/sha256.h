/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of some bytes. Pure; threads: any. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include "common/str.h"

enum {
    SHA256_BYTES = 32
};

void sha256(struct str in, unsigned char out[SHA256_BYTES]);

#endif
