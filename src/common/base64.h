/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648) in and out. Pure; threads: any.
 *
 * Our own because it is forty lines and a program that needs nothing else of
 * OpenSSL starts milliseconds earlier without it. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/str.h"

struct buf;

/* Room that suffices for the decoded bytes of `len` characters. */
static inline size_t base64_decoded_max(size_t len)
{
    return len / 4 * 3 + 3;
}

/* Room that suffices for the text of `len` bytes (no final NUL is written). */
static inline size_t base64_encoded_max(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Decodes the whole of `in`: the standard or the URL-safe alphabet, with its
 * padding or without any. False for any other character (blanks and line
 * ends too), wrong padding, and stray bits behind the last byte. `out` holds
 * base64_decoded_max(in.len) and may be written to in part on failure. */
bool base64_decode(struct str in, void *out, size_t *out_len);

/* Encodes; returns the length. Standard alphabet with padding, or URL-safe
 * without. */
size_t base64_encode(char *out, const void *in, size_t len);
size_t base64_encode_url(char *out, const void *in, size_t len);
/* base64_encode at the end of a buffer. */
void base64_append(struct buf *out, struct str bytes);

#endif
