/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of characters while a pattern is compiled: ranges of code points, from
 * letters, from the names of classes, and with the other case of each.
 * Functions that read take what they understood off `rest`. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_RE_SET_H
#define EMULATOR_BIGQUERY_SQL_RE_SET_H

#include "emulator/bigquery/sql/re_prog.h"

struct re_set {
    struct re_range *ranges; /* owned */
    uint32_t n, cap;
    bool fold; /* letters stand for both cases */
};

enum re_read {
    RE_READ_NONE, /* something else stands there */
    RE_READ_OK,
    RE_READ_BAD /* it cannot be: see `error` (RE_ERROR_MAX bytes) */
};

void re_set_fini(struct re_set *s);
void re_set_add(struct re_set *s, uint32_t from, uint32_t to);
/* `[:alpha:]`, `[:^alpha:]` */
enum re_read re_set_posix(struct re_set *s, struct str *rest, char *error);
/* `d`, `W` and such, `pL`, `p{Greek}`, `P{^Lu}`: what follows a backslash. */
enum re_read re_set_escape(struct re_set *s, struct str *rest, char *error);
/* In order, without overlaps: what the matcher searches. */
void re_set_finish(struct re_set *s);

#endif
