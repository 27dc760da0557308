/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of valid UTF-8: counted, cut, and their letter case. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_UTF8_H
#define EMULATOR_BIGQUERY_SQL_UTF8_H

#include "common/str.h"

struct buf;

size_t utf8_count(struct str s);
/* Bytes of the first `n` characters (all, if there are fewer). */
size_t utf8_bytes(struct str s, size_t n);
/* One character off the front; 0xFFFD for a byte that is none. */
uint32_t utf8_next(struct str *s);
size_t utf8_len(uint32_t c);
void utf8_put(struct buf *out, uint32_t c);
uint32_t utf8_upper(uint32_t c);
uint32_t utf8_lower(uint32_t c);
/* The whole mapping, which may be of several characters: "SS" for U+00DF. */
void utf8_put_upper(struct buf *out, uint32_t c);
void utf8_put_lower(struct buf *out, uint32_t c);
bool utf8_is_space(uint32_t c);

#endif
