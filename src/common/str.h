/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed slices of bytes, and the small questions asked of them.
 * Pure; threads: any. A slice never owns and need not end in NUL. */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_NULL     ((struct str){NULL, 0})
/* for printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).p

static inline struct str str_from(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline struct str str_of(const char *p, size_t len)
{
    return (struct str){p, len};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool str_ieq(struct str a, struct str b); /* ASCII case only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Bytewise order, a prefix before its longer form: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
struct str str_trim(struct str s); /* blanks and tabs at both ends */

/* Cuts `*rest` at the first `sep`: returns what stands before it and moves
 * `*rest` behind it; without a `sep` returns all and sets `rest->p` NULL. */
struct str str_cut(struct str *rest, char sep);

/* Whole slice as decimal number; false if anything else or out of range. */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out);

/* Edit distance (insert, delete, replace), for "did you mean". */
unsigned str_distance(struct str a, struct str b);

/* FNV-1a, for hash tables on trusted keys. */
uint64_t str_hash(struct str s);

#endif
