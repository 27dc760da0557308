/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a run-time function, free of SQLite's types: arguments in, one
 * result or one error out. `fn_bridge.c` stands between.
 *
 * A function is a row of runtime.def. Unless it says otherwise, a NULL
 * argument makes a NULL result before the function is called. Names begin
 * with bq_; the same function as bqs_ gives NULL instead of an error.
 * Threads: those of the connection. */
#ifndef EMULATOR_BIGQUERY_SQL_FN_H
#define EMULATOR_BIGQUERY_SQL_FN_H

#include "common/buf.h"
#include "emulator/bigquery/sql/tz.h"

enum fn_kind {
    FN_NULL,
    FN_INT,
    FN_REAL,
    FN_TEXT,
    FN_BLOB
};

struct fn;
typedef void fn_impl(struct fn *f);

#define RT(name, impl, flags) fn_impl impl;
#include "emulator/bigquery/sql/runtime.def"
#undef RT

int fn_count(const struct fn *f);
enum fn_kind fn_kind(const struct fn *f, int i);
bool fn_is_null(const struct fn *f, int i);
int64_t fn_int(const struct fn *f, int i);
bool fn_bool(const struct fn *f, int i);
double fn_real(const struct fn *f, int i); /* NaN from its stored text */
/* Borrowed until the function returns. */
struct str fn_str(const struct fn *f, int i);
/* Type letter: the first character of a text argument. */
char fn_letter(const struct fn *f, int i);

void fn_null(struct fn *f);
void fn_set_int(struct fn *f, int64_t v);
void fn_set_bool(struct fn *f, bool v);
void fn_set_real(struct fn *f, double v);
void fn_set_str(struct fn *f, struct str s);
void fn_set_blob(struct fn *f, struct str s);
/* Takes what `b` holds; fails the call if b has failed. Empties b. */
void fn_set_buf(struct fn *f, struct buf *b);
void fn_set_buf_blob(struct fn *f, struct buf *b);
/* Argument i itself. */
void fn_set_arg(struct fn *f, int i);
/* Like an argument: text stays text, blob stays blob. */
void fn_set_same(struct fn *f, int i, struct str s);
void fn_fail(struct fn *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool fn_failed(const struct fn *f);

void fn_buf(struct buf *b); /* a buffer with the limit of one value */

struct tz_set *fn_zones(struct fn *f);
/* The zone named by argument i; NULL after fn_fail. */
const struct tz *fn_zone(struct fn *f, int i);
/* What an earlier call made of a constant argument i, or NULL. */
void *fn_cached(struct fn *f, int i);
void fn_cache(struct fn *f, int i, void *p, void (*free_it)(void *));

/* --- values in the encoding of ARRAY and STRUCT (value.c) ---------------- */

struct value {
    enum fn_kind kind;
    int64_t i;
    double d;
    struct str s; /* decoded; nested values as encoded */
    bool nested;
};

/* Walks `[a,b,...]`; false at its end. `scratch` holds decoded texts until
 * the next call. */
struct elems {
    const char *p, *end;
};
void elems_init(struct elems *e, struct str encoded);
bool elems_next(struct elems *e, struct value *v, struct buf *scratch);
/* The next element as encoded. */
bool elems_raw(struct elems *e, struct str *raw);
/* Element `i` without decoding the others. */
bool elems_at(struct str encoded, int64_t i, struct value *v,
              struct buf *scratch);
int64_t elems_count(struct str encoded);
void value_put(struct buf *out, const struct value *v);
void put_real(struct buf *out, double v); /* re-readable, with a point */
void fn_get(const struct fn *f, int i, struct value *v, bool nested);
void fn_set_value(struct fn *f, const struct value *v);
int value_cmp(const struct value *a, const struct value *b);

#endif
