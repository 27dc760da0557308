/* SPDX-License-Identifier: Apache-2.0 */
/* bq_collect(options, value[, extra...][, keys...]): aggregates that must see
 * all of their values. The options: a letter for what is made of them, s or r
 * (nested values), then d distinct, i ignore NULLs, n decimal values,
 * l<n>; limit, h those of the first key alone, and k<a|d><f|l><b|n> for each
 * sort key.
 * Over a window the oldest value leaves first. */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn_bridge.h"

enum {
    KEYS_MAX = 16,
    BYTES_MAX = 512 << 20 /* of all values that one group keeps */
};

#define TOO_MANY                                                               \
    "Resources exceeded: an aggregate function keeps too many values"

struct key_spec {
    bool desc, nulls_last, decimal;
};

struct options {
    char letter;
    bool nested, distinct, ignore_nulls, respect_nulls, decimal, top;
    int64_t limit; /* -1: none */
    struct key_spec keys[KEYS_MAX];
    int n_keys;
};

struct item {
    struct value v;
    char *bytes; /* owns v.s */
    size_t order;
    struct item *keys; /* n_keys of them */
};

struct collect {
    bool ready;
    const char *failed; /* why, or NULL */
    struct options o;
    struct item *items;
    size_t n, cap, first; /* first: dropped by a window */
    size_t bytes;
    sqlite3_value *extra[2];
};

static void parse_options(struct options *o, const char *s)
{
    *o = (struct options){.letter = s[0], .nested = s[1] == 'r', .limit = -1};
    for (s += 2; *s; s++) {
        if (*s == 'd') {
            o->distinct = true;
        } else if (*s == 'i') {
            o->ignore_nulls = true;
        } else if (*s == 'r') {
            o->respect_nulls = true;
        } else if (*s == 'n') {
            o->decimal = true;
        } else if (*s == 'h') {
            o->top = true;
        } else if (*s == 'l') {
            o->limit = strtoll(s + 1, (char **)(uintptr_t)&s, 10);
        } else if (*s == 'k' && o->n_keys < KEYS_MAX) {
            o->keys[o->n_keys++] =
                (struct key_spec){s[1] == 'd', s[2] == 'l', s[3] == 'n'};
            s += 3;
        }
    }
}

/* Values between the first and the keys. */
static int n_extra(char letter)
{
    return strchr("QTNpd", letter) ? 1 : letter == 'U' ? 2 : 0;
}

/* Returns what it takes. */
static size_t keep(struct item *it, sqlite3_value *from, size_t order)
{
    it->order = order;
    it->bytes = NULL;
    it->keys = NULL;
    value_from_sqlite(from, &it->v);
    if (it->v.kind == FN_TEXT || it->v.kind == FN_BLOB) {
        it->bytes = mem_strndup(it->v.s.p ? it->v.s.p : "", it->v.s.len);
        it->v.s.p = it->bytes;
        return sizeof(*it) + it->v.s.len;
    }
    return sizeof(*it);
}

static void drop(struct collect *c, struct item *it)
{
    for (int k = 0; it->keys && k < (c->o.letter == 'U' ? 1 : c->o.n_keys); k++)
        mem_free(it->keys[k].bytes);
    mem_free(it->keys);
    mem_free(it->bytes);
}

static size_t size_of(const struct collect *c, const struct item *it)
{
    size_t n = sizeof(*it) + (it->bytes ? it->v.s.len : 0);

    for (int k = 0; it->keys && k < (c->o.letter == 'U' ? 1 : c->o.n_keys); k++)
        n += size_of(c, &it->keys[k]);
    return n;
}

static bool skips(const struct collect *c, sqlite3_value *v)
{
    return sqlite3_value_type(v) == SQLITE_NULL &&
           (c->o.ignore_nulls || strchr("SBC", c->o.letter) ||
            (c->o.letter == 'Q' && !c->o.respect_nulls));
}

static void step(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct collect *c = sqlite3_aggregate_context(ctx, sizeof(*c));
    int extra, at;
    struct item *it;

    if (!c)
        return;
    if (!c->ready) {
        parse_options(&c->o, (const char *)sqlite3_value_text(v[0]));
        c->ready = true;
        extra = n_extra(c->o.letter);
        /* STRING_AGG's delimiter is optional. */
        if (strchr("SB", c->o.letter) && n - 2 - c->o.n_keys == 1)
            extra = 1;
        for (int i = 0; i < extra && i < 2 && 2 + i < n; i++)
            c->extra[i] = sqlite3_value_dup(v[2 + i]);
        if (strchr("SB", c->o.letter) && extra &&
            sqlite3_value_type(c->extra[0]) == SQLITE_NULL)
            c->failed = "Illegal NULL separator in STRING_AGG";
    }
    if (skips(c, v[1]) || c->failed)
        return;
    if (c->bytes > BYTES_MAX) {
        c->failed = TOO_MANY;
        sqlite3_result_error(ctx, TOO_MANY, -1);
        return;
    }
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 8;
        c->items = mem_realloc(c->items, c->cap * sizeof(*c->items));
    }
    it = &c->items[c->n];
    c->bytes += keep(it, v[1], c->n++);
    at = n - c->o.n_keys;
    if (c->o.letter == 'U') { /* the weight is kept as a key */
        it->keys = MEM_ARRAY(struct item, 1);
        c->bytes += keep(&it->keys[0], v[2], 0);
        return;
    }
    if (!c->o.n_keys)
        return;
    it->keys = MEM_ARRAY(struct item, (size_t)c->o.n_keys);
    for (int k = 0; k < c->o.n_keys; k++)
        c->bytes += keep(&it->keys[k], v[at + k], 0);
}

/* A NULL that was skipped on its way in is skipped on its way out. */
static void inverse(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct collect *c = sqlite3_aggregate_context(ctx, sizeof(*c));

    (void)n;
    if (!c || !c->ready || c->first == c->n)
        return;
    if (skips(c, v[1]))
        return;
    c->bytes -= size_of(c, &c->items[c->first]);
    drop(c, &c->items[c->first++]);
}

static int compare(const struct value *a, const struct value *b, bool decimal)
{
    struct dec x, y;

    if (decimal && a->kind == FN_TEXT && b->kind == FN_TEXT &&
        !dec_parse(&x, a->s, DEC_BIGNUMERIC) &&
        !dec_parse(&y, b->s, DEC_BIGNUMERIC))
        return dec_cmp(&x, &y);
    return value_cmp(a, b);
}

static int by_keys(const void *a, const void *b, void *arg)
{
    const struct item *x = a, *y = b;
    const struct options *o = arg;

    for (int k = 0; k < o->n_keys; k++) {
        const struct key_spec *s = &o->keys[k];
        const struct value *p = &x->keys[k].v, *q = &y->keys[k].v;
        int order;
        if ((p->kind == FN_NULL) != (q->kind == FN_NULL)) {
            order = p->kind == FN_NULL ? -1 : 1;
            return s->nulls_last ? -order : order;
        }
        order = compare(p, q, s->decimal);
        if (order)
            return s->desc ? -order : order;
    }
    return (x->order > y->order) - (x->order < y->order);
}

static int by_value(const void *a, const void *b, void *arg)
{
    const struct item *x = a, *y = b;
    const struct options *o = arg;
    int order = compare(&x->v, &y->v, o->decimal);

    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void remove_repeats(struct item *items, size_t *n, struct options *o)
{
    size_t kept = 0;

    qsort_r(items, *n, sizeof(*items), by_value, o);
    for (size_t i = 0; i < *n; i++) {
        if (kept && compare(&items[kept - 1].v, &items[i].v, o->decimal) == 0)
            continue;
        items[kept++] = items[i];
    }
    *n = kept;
}

static int by_order(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static void set_text(sqlite3_context *ctx, struct buf *out, bool blob)
{
    struct value v = {blob ? FN_BLOB : FN_TEXT, 0, 0, buf_as_str(out), false};

    if (out->failed)
        sqlite3_result_error(ctx, "Result is too large", -1);
    else
        value_to_sqlite(ctx, &v);
    buf_fini(out);
}

static void make_array(sqlite3_context *ctx, const struct collect *c,
                       struct item *items, size_t n)
{
    bool concat = c->o.letter == 'C';
    struct buf out;

    if (n == 0) {
        sqlite3_result_null(ctx);
        return;
    }
    fn_buf(&out);
    buf_putc(&out, '[');
    for (size_t i = 0; i < n; i++) {
        struct value v = items[i].v;
        if (concat && v.s.len <= 2)
            continue;
        if (out.len > 1)
            buf_putc(&out, ',');
        v.nested = c->o.nested;
        if (concat)
            buf_append(&out, v.s.p + 1, v.s.len - 2);
        else
            value_put(&out, &v);
    }
    buf_putc(&out, ']');
    set_text(ctx, &out, false);
}

static void make_string(sqlite3_context *ctx, const struct collect *c,
                        struct item *items, size_t n)
{
    struct value sep = {FN_TEXT, 0, 0, STR(","), false};
    struct buf out;

    if (n == 0) {
        sqlite3_result_null(ctx);
        return;
    }
    if (c->extra[0])
        value_from_sqlite(c->extra[0], &sep);
    fn_buf(&out);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_str(&out, sep.s);
        buf_str(&out, items[i].v.s);
    }
    set_text(ctx, &out, c->o.letter == 'B');
}

/* n + 1 boundaries from least to greatest, of values in order. */
static void make_quantiles(sqlite3_context *ctx, struct collect *c,
                           struct item *items, size_t n)
{
    int64_t q = c->extra[0] ? sqlite3_value_int64(c->extra[0]) : 0;
    struct buf out;

    if (q < 1 || q > 100000) {
        sqlite3_result_error(ctx,
                             "APPROX_QUANTILES: number of quantiles must "
                             "be between 1 and 100000",
                             -1);
        return;
    }
    if (n == 0) {
        sqlite3_result_null(ctx);
        return;
    }
    qsort_r(items, n, sizeof(*items), by_value, &c->o);
    fn_buf(&out);
    buf_putc(&out, '[');
    for (int64_t i = 0; i <= q; i++) {
        double at = (double)(n - 1) * (double)i / (double)q;
        if (i)
            buf_putc(&out, ',');
        value_put(&out, &items[(size_t)at].v);
    }
    buf_putc(&out, ']');
    set_text(ctx, &out, false);
}

struct top {
    struct item *item;
    int64_t n;
    bool known; /* has a weight that is not NULL */
};

static int by_count(const void *a, const void *b)
{
    const struct top *x = a, *y = b;

    if (x->known != y->known)
        return x->known ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return by_order(x->item, y->item);
}

/* A NULL weight adds nothing; a sum of such alone is NULL. */
static const char *add_weight(struct top *top, const struct item *it, bool sum)
{
    int64_t weight = sum ? it->keys[0].v.i : 1;

    if (sum && it->keys[0].v.kind == FN_NULL)
        return NULL;
    if (weight < 0)
        return "APPROX_TOP_SUM does not support negative or NaN weights in "
               "the second argument";
    if (__builtin_add_overflow(top->n, weight, &top->n))
        return "int64 overflow in APPROX_TOP_SUM";
    top->known = true;
    return NULL;
}

static void make_top(sqlite3_context *ctx, struct collect *c,
                     struct item *items, size_t n)
{
    bool sum = c->o.letter == 'U';
    sqlite3_value *last = c->extra[sum ? 1 : 0];
    int64_t limit = last ? sqlite3_value_int64(last) : 0;
    struct top *tops = MEM_ARRAY(struct top, n + 1);
    const char *wrong = NULL;
    size_t n_tops = 0;
    struct buf out;

    qsort_r(items, n, sizeof(*items), by_value, &c->o);
    for (size_t i = 0; i < n && !wrong; i++) {
        if (!n_tops ||
            compare(&tops[n_tops - 1].item->v, &items[i].v, c->o.decimal))
            tops[n_tops++] = (struct top){&items[i], 0, false};
        wrong = add_weight(&tops[n_tops - 1], &items[i], sum);
    }
    if (wrong) {
        mem_free(tops);
        sqlite3_result_error(ctx, wrong, -1);
        return;
    }
    qsort(tops, n_tops, sizeof(*tops), by_count);
    fn_buf(&out);
    buf_putc(&out, '[');
    for (size_t i = 0; i < n_tops && (int64_t)i < limit; i++) {
        buf_puts(&out, i ? ",[" : "[");
        value_put(&out, &tops[i].item->v);
        buf_putc(&out, ',');
        if (tops[i].known)
            buf_i64(&out, tops[i].n);
        else
            buf_puts(&out, "null");
        buf_putc(&out, ']');
    }
    buf_putc(&out, ']');
    mem_free(tops);
    set_text(ctx, &out, false);
}

/* NaN is a text. */
static double number(const struct value *v)
{
    return v->kind == FN_INT ? (double)v->i : v->kind == FN_TEXT ? NAN : v->d;
}

static void make_percentile(sqlite3_context *ctx, struct collect *c,
                            struct item *items, size_t n)
{
    double p = c->extra[0] ? sqlite3_value_double(c->extra[0]) : -1, at, part;
    struct value *low, *high, out = {FN_REAL, 0, 0, STR_NULL, false};
    size_t i;

    if (!(p >= 0 && p <= 1)) {
        sqlite3_result_error(ctx, "Percentile must be between 0 and 1", -1);
        return;
    }
    if (n == 0) {
        sqlite3_result_null(ctx);
        return;
    }
    qsort_r(items, n, sizeof(*items), by_value, &c->o);
    if (c->o.letter == 'd') {
        i = (size_t)ceil(p * (double)n);
        value_to_sqlite(ctx, &items[i ? i - 1 : 0].v);
        return;
    }
    at = p * (double)(n - 1);
    i = (size_t)at;
    part = at - (double)i;
    low = &items[i].v;
    high = &items[i + 1 < n ? i + 1 : i].v;
    /* Between NULL and a value there is the value; NULLs come first. */
    if (low->kind == FN_NULL && part > 0)
        low = high;
    if (low->kind == FN_NULL) {
        sqlite3_result_null(ctx);
        return;
    }
    out.d = number(low);
    if (part > 0 && low != high)
        out.d = out.d * (1 - part) + number(high) * part;
    value_to_sqlite(ctx, &out);
}

static void make_one(sqlite3_context *ctx, const struct collect *c,
                     const struct item *items, size_t n)
{
    size_t at = 0;

    if (c->o.letter == 'L')
        at = n - 1;
    if (c->o.letter == 'N')
        at = (size_t)(c->extra[0] ? sqlite3_value_int64(c->extra[0]) : 0) - 1;
    if (n == 0 || at >= n)
        sqlite3_result_null(ctx);
    else
        value_to_sqlite(ctx, &items[at].v);
}

/* Sorted: how many have the first one's key, which is not NULL. */
static size_t n_top(const struct item *items, size_t n, const struct options *o)
{
    size_t i = 0;

    while (i < n && items[i].keys[0].v.kind != FN_NULL &&
           compare(&items[i].keys[0].v, &items[0].keys[0].v,
                   o->keys[0].decimal) == 0)
        i++;
    return i;
}

/* Works on a copy of the list: a window asks again after the next row. */
static void value(sqlite3_context *ctx)
{
    struct collect *c = sqlite3_aggregate_context(ctx, 0);
    struct item *items = NULL;
    size_t n = c ? c->n - c->first : 0;

    if (c && c->failed) {
        sqlite3_result_error(ctx, c->failed, -1);
        return;
    }
    if (!c || !c->ready) {
        sqlite3_result_null(ctx);
        return;
    }
    items = MEM_ARRAY(struct item, n + 1);
    if (n)
        memcpy(items, c->items + c->first, n * sizeof(*items));
    if (c->o.distinct) {
        remove_repeats(items, &n, &c->o);
        if (!c->o.n_keys)
            qsort(items, n, sizeof(*items), by_order);
    }
    if (c->o.n_keys && c->o.letter != 'U')
        qsort_r(items, n, sizeof(*items), by_keys, &c->o);
    if (c->o.top)
        n = n_top(items, n, &c->o);
    if (c->o.limit >= 0 && n > (size_t)c->o.limit)
        n = (size_t)c->o.limit;
    switch (c->o.letter) {
    case 'A':
    case 'C':
        make_array(ctx, c, items, n);
        break;
    case 'S':
    case 'B':
        make_string(ctx, c, items, n);
        break;
    case 'Q':
        make_quantiles(ctx, c, items, n);
        break;
    case 'T':
    case 'U':
        make_top(ctx, c, items, n);
        break;
    case 'p':
    case 'd':
        make_percentile(ctx, c, items, n);
        break;
    default:
        make_one(ctx, c, items, n);
    }
    mem_free(items);
}

static void final(sqlite3_context *ctx)
{
    struct collect *c = sqlite3_aggregate_context(ctx, 0);

    value(ctx);
    if (!c)
        return;
    for (size_t i = c->first; i < c->n; i++)
        drop(c, &c->items[i]);
    mem_free(c->items);
    sqlite3_value_free(c->extra[0]);
    sqlite3_value_free(c->extra[1]);
    *c = (struct collect){0};
}

int collect_register(sqlite3 *db)
{
    return sqlite3_create_window_function(
        db, "bq_collect", -1,
        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, step,
        final, value, inverse, NULL);
}
