/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/fn_bridge.h"

#include <math.h>
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/sql.h"

enum {
    VALUE_MAX = 100 << 20,
    ERROR_MAX = 1000
};

static const struct fn_entry entries[] = {
#define RT(name, impl, flags) {name, impl, flags},
#include "emulator/bigquery/sql/runtime.def"
#undef RT
};
enum {
    N_ENTRIES = sizeof(entries) / sizeof(*entries)
};

struct registration {
    struct runtime runtime;
    struct fn_binding bindings[N_ENTRIES][2];
};

int fn_count(const struct fn *f)
{
    return f->n;
}

enum fn_kind fn_kind(const struct fn *f, int i)
{
    switch (sqlite3_value_type(f->v[i])) {
    case SQLITE_INTEGER:
        return FN_INT;
    case SQLITE_FLOAT:
        return FN_REAL;
    case SQLITE_TEXT:
        return FN_TEXT;
    case SQLITE_BLOB:
        return FN_BLOB;
    default:
        return FN_NULL;
    }
}

bool fn_is_null(const struct fn *f, int i)
{
    return sqlite3_value_type(f->v[i]) == SQLITE_NULL;
}

int64_t fn_int(const struct fn *f, int i)
{
    return sqlite3_value_int64(f->v[i]);
}

bool fn_bool(const struct fn *f, int i)
{
    return sqlite3_value_int64(f->v[i]) != 0;
}

double fn_real(const struct fn *f, int i)
{
    if (sqlite3_value_type(f->v[i]) == SQLITE_TEXT)
        return NAN;
    return sqlite3_value_double(f->v[i]);
}

struct str fn_str(const struct fn *f, int i)
{
    sqlite3_value *v = f->v[i];
    const char *p = sqlite3_value_type(v) == SQLITE_BLOB
                        ? sqlite3_value_blob(v)
                        : (const char *)sqlite3_value_text(v);

    return str_of(p ? p : "", (size_t)sqlite3_value_bytes(v));
}

char fn_letter(const struct fn *f, int i)
{
    const unsigned char *s = sqlite3_value_text(f->v[i]);
    return s ? (char)s[0] : '0';
}

void fn_null(struct fn *f)
{
    sqlite3_result_null(f->ctx);
}

void fn_set_int(struct fn *f, int64_t v)
{
    sqlite3_result_int64(f->ctx, v);
}

void fn_set_bool(struct fn *f, bool v)
{
    sqlite3_result_int(f->ctx, v);
}

void fn_set_real(struct fn *f, double v)
{
    if (isnan(v))
        sqlite3_result_text(f->ctx, "NaN", 3, SQLITE_STATIC);
    else
        sqlite3_result_double(f->ctx, v);
}

void fn_set_str(struct fn *f, struct str s)
{
    sqlite3_result_text64(f->ctx, s.p ? s.p : "", s.len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

void fn_set_blob(struct fn *f, struct str s)
{
    if (s.len)
        sqlite3_result_blob64(f->ctx, s.p, s.len, SQLITE_TRANSIENT);
    else
        sqlite3_result_zeroblob(f->ctx, 0);
}

static bool buf_is_bad(struct fn *f, struct buf *b)
{
    if (b->failed)
        fn_fail(f, "Result is too large: more than %d MB in one value",
                VALUE_MAX >> 20);
    return b->failed;
}

void fn_set_buf(struct fn *f, struct buf *b)
{
    if (!buf_is_bad(f, b))
        fn_set_str(f, buf_as_str(b));
    buf_fini(b);
}

void fn_set_buf_blob(struct fn *f, struct buf *b)
{
    if (!buf_is_bad(f, b))
        fn_set_blob(f, buf_as_str(b));
    buf_fini(b);
}

void fn_set_arg(struct fn *f, int i)
{
    sqlite3_result_value(f->ctx, f->v[i]);
}

void fn_set_same(struct fn *f, int i, struct str s)
{
    if (fn_kind(f, i) == FN_BLOB)
        fn_set_blob(f, s);
    else
        fn_set_str(f, s);
}

void fn_fail(struct fn *f, const char *fmt, ...)
{
    char text[ERROR_MAX];
    va_list ap;
    int n;

    f->failed = true;
    if (f->binding->safe) {
        sqlite3_result_null(f->ctx);
        return;
    }
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sqlite3_result_error(f->ctx, text, n < ERROR_MAX ? n : ERROR_MAX - 1);
}

bool fn_failed(const struct fn *f)
{
    return f->failed;
}

void fn_buf(struct buf *b)
{
    buf_init(b, VALUE_MAX);
}

struct tz_set *fn_zones(struct fn *f)
{
    return &f->binding->runtime->zones;
}

const struct tz *fn_zone(struct fn *f, int i)
{
    struct str name = fn_str(f, i);
    const struct tz *z = tz_find(fn_zones(f), name);

    if (!z)
        fn_fail(f, "Invalid time zone: %.*s", STR_ARG(name));
    return z;
}

void *fn_cached(struct fn *f, int i)
{
    return sqlite3_get_auxdata(f->ctx, i);
}

void fn_cache(struct fn *f, int i, void *p, void (*free_it)(void *))
{
    sqlite3_set_auxdata(f->ctx, i, p, free_it);
}

static void call(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const struct fn_binding *b = sqlite3_user_data(ctx);
    struct fn f = {ctx, n, v, b, false};

    for (int i = 0; i < n && !(b->entry->flags & FN_NULLS); i++) {
        if (sqlite3_value_type(v[i]) == SQLITE_NULL) {
            sqlite3_result_null(ctx);
            return;
        }
    }
    b->entry->impl(&f);
}

static int compare_decimals(void *arg, int n, const void *a, int m,
                            const void *b)
{
    struct dec x, y;

    (void)arg;
    if (dec_parse(&x, str_of(a, (size_t)n), DEC_BIGNUMERIC) ||
        dec_parse(&y, str_of(b, (size_t)m), DEC_BIGNUMERIC))
        return str_cmp(str_of(a, (size_t)n), str_of(b, (size_t)m));
    return dec_cmp(&x, &y);
}

static void forget(void *p)
{
    struct registration *r = p;

    tz_set_fini(&r->runtime.zones);
    mem_free(r);
}

/* The collation, which lives as long as the connection, owns the rest. */
int sql_connect(sqlite3 *db)
{
    struct registration *r = MEM_NEW(struct registration);
    int rc;

    rc = sqlite3_create_collation_v2(db, "bq_num", SQLITE_UTF8, r,
                                     compare_decimals, forget);
    if (rc) {
        forget(r);
        return RC_INTERNAL;
    }
    for (int i = 0; i < 2 * N_ENTRIES && rc == SQLITE_OK; i++) {
        const struct fn_entry *e = &entries[i / 2];
        struct fn_binding *b = &r->bindings[i / 2][i % 2];
        char name[64];
        int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
        if (!(e->flags & FN_VOLATILE))
            flags |= SQLITE_DETERMINISTIC;
        *b = (struct fn_binding){e, &r->runtime, i % 2};
        snprintf(name, sizeof(name), "bq%s_%s", i % 2 ? "s" : "", e->name);
        rc = sqlite3_create_function_v2(db, name, -1, flags, b, call, NULL,
                                        NULL, NULL);
    }
    if (rc || aggregates_register(db, &r->runtime) || collect_register(db) ||
        unnest_register(db))
        return RC_INTERNAL;
    return RC_OK;
}

void value_from_sqlite(sqlite3_value *from, struct value *v)
{
    *v = (struct value){FN_NULL, 0, 0, STR_NULL, false};
    switch (sqlite3_value_type(from)) {
    case SQLITE_INTEGER:
        v->kind = FN_INT;
        v->i = sqlite3_value_int64(from);
        break;
    case SQLITE_FLOAT:
        v->kind = FN_REAL;
        v->d = sqlite3_value_double(from);
        break;
    case SQLITE_TEXT:
        v->kind = FN_TEXT;
        v->s.p = (const char *)sqlite3_value_text(from);
        v->s.len = (size_t)sqlite3_value_bytes(from);
        break;
    case SQLITE_BLOB:
        v->kind = FN_BLOB;
        v->s.p = sqlite3_value_blob(from);
        v->s.len = (size_t)sqlite3_value_bytes(from);
        break;
    default:
        break;
    }
}

void value_to_sqlite(sqlite3_context *ctx, const struct value *v)
{
    switch (v->kind) {
    case FN_NULL:
        sqlite3_result_null(ctx);
        break;
    case FN_INT:
        sqlite3_result_int64(ctx, v->i);
        break;
    case FN_REAL:
        if (isnan(v->d))
            sqlite3_result_text(ctx, "NaN", 3, SQLITE_STATIC);
        else
            sqlite3_result_double(ctx, v->d);
        break;
    case FN_TEXT:
        sqlite3_result_text64(ctx, v->s.p, v->s.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    case FN_BLOB:
        if (v->s.len)
            sqlite3_result_blob64(ctx, v->s.p, v->s.len, SQLITE_TRANSIENT);
        else
            sqlite3_result_zeroblob(ctx, 0);
        break;
    }
}
