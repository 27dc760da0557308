/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of RE2's syntax over UTF-8, in time linear in the text
 * whatever the pattern: all alternatives advance together, character by
 * character. Leftmost match, the first alternative preferred, as RE2.
 * What RE2 refuses (look-around, back references) is refused; \p{...} knows
 * the general categories and scripts of re_unicode.def.
 * Pure; threads: a compiled pattern may be shared, a match is the caller's. */
#ifndef EMULATOR_BIGQUERY_SQL_RE_H
#define EMULATOR_BIGQUERY_SQL_RE_H

#include "common/str.h"

enum {
    RE_GROUPS_MAX = 20,
    RE_ERROR_MAX = 160
};

struct re;

/* NULL with a sentence in `error` (RE_ERROR_MAX bytes). Free with re_free. */
struct re *re_compile(struct str pattern, char *error);
void re_free(struct re *re);
int re_groups(const struct re *re); /* capturing ones */

/* Bounds of the match and its groups as offsets; -1: took no part. */
struct re_match {
    long start[RE_GROUPS_MAX + 1], end[RE_GROUPS_MAX + 1];
};

/* First match at or behind `from`; `m` may be NULL where only the fact
 * matters. */
bool re_search(const struct re *re, struct str text, size_t from,
               struct re_match *m);

#endif
