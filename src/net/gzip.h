/* SPDX-License-Identifier: Apache-2.0 */
/* Compression of request bodies. Pure; threads: any. */
#ifndef NET_GZIP_H
#define NET_GZIP_H

#include "common/str.h"

/* The bytes as one gzip member, to be given to mem_free; NULL when memory is
 * gone or it would not get smaller. */
char *gzip_pack(struct str in, size_t *len);

#endif
