/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates of fixed state, all usable over windows: sums that fail or stay
 * exact, bits, variances. Collecting ones are in agg_collect.c. */
#include <math.h>
#include <stdlib.h>

#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn_bridge.h"

static double real_arg(sqlite3_value *v)
{
    return sqlite3_value_type(v) == SQLITE_TEXT ? NAN : sqlite3_value_double(v);
}

static void real_result(sqlite3_context *c, double v)
{
    if (isnan(v))
        sqlite3_result_text(c, "NaN", 3, SQLITE_STATIC);
    else
        sqlite3_result_double(c, v);
}

static bool is_null(sqlite3_value *v)
{
    return sqlite3_value_type(v) == SQLITE_NULL;
}

/* --- INT64: only the total must fit, not what is added on the way ----------
 */

struct ints {
    int64_t n, sum, wraps; /* the total is sum + wraps times 2 to the 64 */
};

/* A row comes into the sum (+1) or leaves a window's frame (-1). */
static void ints_add(sqlite3_context *c, sqlite3_value *v, int sign)
{
    struct ints *s = sqlite3_aggregate_context(c, sizeof(*s));
    int64_t x;

    if (!s || is_null(v))
        return;
    x = sqlite3_value_int64(v);
    s->n += sign;
    if (sign > 0 ? __builtin_add_overflow(s->sum, x, &s->sum)
                 : __builtin_sub_overflow(s->sum, x, &s->sum))
        s->wraps += x < 0 ? -sign : sign;
}

static void ints_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    ints_add(c, v[0], 1);
}

static void ints_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    ints_add(c, v[0], -1);
}

static void ints_value(sqlite3_context *c)
{
    struct ints *s = sqlite3_aggregate_context(c, 0);

    if (!s || s->n == 0)
        sqlite3_result_null(c);
    else if (s->wraps)
        sqlite3_result_error(c, "int64 overflow in SUM", -1);
    else
        sqlite3_result_int64(c, s->sum);
}

/* --- FLOAT64: infinities and NaN are counted, so that windows can drop them */

struct reals {
    int64_t n, n_nan, n_plus, n_minus;
    double sum, error; /* Neumaier's compensated sum */
    double mean, m2;   /* Welford's */
};

static void reals_add(struct reals *r, double v, int sign)
{
    double t, delta;
    int64_t finite;

    r->n += sign;
    if (isnan(v)) {
        r->n_nan += sign;
        return;
    }
    if (isinf(v)) {
        *(v > 0 ? &r->n_plus : &r->n_minus) += sign;
        return;
    }
    t = r->sum + sign * v;
    r->error += fabs(r->sum) >= fabs(v) ? (r->sum - t) + sign * v
                                        : (sign * v - t) + r->sum;
    r->sum = t;
    finite = r->n - r->n_nan - r->n_plus - r->n_minus;
    if (sign > 0) {
        delta = v - r->mean;
        r->mean += delta / (double)finite;
        r->m2 += delta * (v - r->mean);
    } else if (finite == 0) {
        r->mean = r->m2 = 0;
    } else {
        delta = v - r->mean;
        r->mean -= delta / (double)finite;
        r->m2 -= delta * (v - r->mean);
    }
}

static double reals_sum(const struct reals *r)
{
    if (r->n_nan || (r->n_plus && r->n_minus))
        return NAN;
    if (r->n_plus || r->n_minus)
        return r->n_plus ? INFINITY : -INFINITY;
    return isfinite(r->sum) ? r->sum + r->error : r->sum;
}

static void reals_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct reals *r = sqlite3_aggregate_context(c, sizeof(*r));

    (void)n;
    if (r && !is_null(v[0]))
        reals_add(r, real_arg(v[0]), 1);
}

static void reals_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct reals *r = sqlite3_aggregate_context(c, sizeof(*r));

    (void)n;
    if (r && !is_null(v[0]))
        reals_add(r, real_arg(v[0]), -1);
}

static void sum_value(sqlite3_context *c)
{
    struct reals *r = sqlite3_aggregate_context(c, 0);
    double v;

    if (!r || r->n == 0) {
        sqlite3_result_null(c);
        return;
    }
    v = reals_sum(r);
    if (isinf(v) && !r->n_plus && !r->n_minus)
        sqlite3_result_error(c, "double overflow in SUM", -1);
    else
        real_result(c, v);
}

static void avg_value(sqlite3_context *c)
{
    struct reals *r = sqlite3_aggregate_context(c, 0);
    double v;

    if (!r || r->n == 0) {
        sqlite3_result_null(c);
        return;
    }
    v = reals_sum(r);
    if (isinf(v) && !r->n_plus && !r->n_minus)
        v = r->mean; /* the mean of what is finite is finite */
    else
        v /= (double)r->n;
    real_result(c, v);
}

static void spread(sqlite3_context *c, bool sample, bool root)
{
    struct reals *r = sqlite3_aggregate_context(c, 0);
    double v;

    if (!r || r->n < 1 + sample) {
        sqlite3_result_null(c);
        return;
    }
    v = r->n_nan || r->n_plus || r->n_minus
            ? NAN
            : (r->m2 < 0 ? 0 : r->m2) / (double)(r->n - sample);
    real_result(c, root ? sqrt(v) : v);
}

static void var_samp(sqlite3_context *c)
{
    spread(c, true, false);
}

static void var_pop(sqlite3_context *c)
{
    spread(c, false, false);
}

static void stddev_samp(sqlite3_context *c)
{
    spread(c, true, true);
}

static void stddev_pop(sqlite3_context *c)
{
    spread(c, false, true);
}

/* --- pairs: CORR, COVAR
 * ------------------------------------------------------- */

struct pairs {
    int64_t n, n_odd; /* n_odd of n: with NaN or an infinity; counted only */
    double mean_x, mean_y, m2_x, m2_y, c;
};

static void pairs_add(struct pairs *p, double x, double y, int sign)
{
    double dx, dy, n;

    p->n += sign;
    if (!isfinite(x) || !isfinite(y)) {
        p->n_odd += sign;
        return;
    }
    n = (double)(p->n - p->n_odd);
    if (n == 0) {
        p->mean_x = p->mean_y = p->m2_x = p->m2_y = p->c = 0;
        return;
    }
    dx = x - p->mean_x;
    dy = y - p->mean_y;
    p->mean_x += sign * dx / n;
    p->mean_y += sign * dy / n;
    p->m2_x += sign * dx * (x - p->mean_x);
    p->m2_y += sign * dy * (y - p->mean_y);
    p->c += sign > 0 ? dx * (y - p->mean_y) : -(x - p->mean_x) * dy;
}

static void pairs_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct pairs *p = sqlite3_aggregate_context(c, sizeof(*p));

    (void)n;
    if (p && !is_null(v[0]) && !is_null(v[1]))
        pairs_add(p, real_arg(v[0]), real_arg(v[1]), 1);
}

static void pairs_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct pairs *p = sqlite3_aggregate_context(c, sizeof(*p));

    (void)n;
    if (p && !is_null(v[0]) && !is_null(v[1]))
        pairs_add(p, real_arg(v[0]), real_arg(v[1]), -1);
}

static void pairs_value(sqlite3_context *c, int kind)
{
    struct pairs *p = sqlite3_aggregate_context(c, 0);

    if (!p || p->n < (kind == 'p' ? 1 : 2))
        sqlite3_result_null(c);
    else if (p->n_odd)
        real_result(c, NAN);
    else if (kind == 'c')
        real_result(c, p->c / sqrt(p->m2_x * p->m2_y));
    else
        real_result(c, p->c / (double)(p->n - (kind == 's')));
}

static void corr(sqlite3_context *c)
{
    pairs_value(c, 'c');
}

static void covar_pop(sqlite3_context *c)
{
    pairs_value(c, 'p');
}

static void covar_samp(sqlite3_context *c)
{
    pairs_value(c, 's');
}

/* --- NUMERIC
 * ------------------------------------------------------------------- */

struct decimals {
    int64_t n;
    struct dec sum; /* with the scale of BIGNUMERIC: never overflows early */
    bool overflow;
};

static void decimals_add(sqlite3_context *c, sqlite3_value *v, int sign)
{
    struct decimals *d = sqlite3_aggregate_context(c, sizeof(*d));
    struct dec x;

    if (!d || is_null(v))
        return;
    if (dec_parse(&x,
                  str_of((const char *)sqlite3_value_text(v),
                         (size_t)sqlite3_value_bytes(v)),
                  DEC_BIGNUMERIC)) {
        d->overflow = true;
        return;
    }
    if (sign < 0 && !dec_is_zero(&x))
        x.neg = !x.neg;
    d->n += sign;
    d->overflow |= dec_add(&d->sum, &d->sum, &x, DEC_BIGNUMERIC) != DEC_OK;
}

static void decimals_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    decimals_add(c, v[0], 1);
}

static void decimals_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    decimals_add(c, v[0], -1);
}

static void decimals_value(sqlite3_context *c, int scale, bool average)
{
    struct decimals *d = sqlite3_aggregate_context(c, 0);
    char out[DEC_TEXT_MAX];
    struct dec r, n;
    bool bad;

    if (!d || d->n == 0) {
        sqlite3_result_null(c);
        return;
    }
    r = d->sum;
    bad = d->overflow;
    if (average) {
        dec_from_i64(&n, d->n, DEC_BIGNUMERIC);
        bad |= dec_div(&r, &r, &n, DEC_BIGNUMERIC) != DEC_OK;
    }
    dec_format(out, &r, DEC_BIGNUMERIC);
    bad |= dec_parse(&r, str_from(out), scale) != DEC_OK;
    dec_format(out, &r, scale);
    if (bad)
        sqlite3_result_error(c,
                             scale == DEC_NUMERIC ? "numeric overflow"
                                                  : "BIGNUMERIC overflow",
                             -1);
    else
        sqlite3_result_text(c, out, -1, SQLITE_TRANSIENT);
}

static void nsum(sqlite3_context *c)
{
    decimals_value(c, DEC_NUMERIC, false);
}

static void gsum(sqlite3_context *c)
{
    decimals_value(c, DEC_BIGNUMERIC, false);
}

static void navg(sqlite3_context *c)
{
    decimals_value(c, DEC_NUMERIC, true);
}

static void gavg(sqlite3_context *c)
{
    decimals_value(c, DEC_BIGNUMERIC, true);
}

/* --- bits, and one row
 * ------------------------------------------------------------ */

struct bits {
    int64_t n, ones[64];
};

static void bits_add(sqlite3_context *c, sqlite3_value *v, int sign)
{
    struct bits *b = sqlite3_aggregate_context(c, sizeof(*b));
    uint64_t x;

    if (!b || is_null(v))
        return;
    x = (uint64_t)sqlite3_value_int64(v);
    b->n += sign;
    for (int i = 0; i < 64; i++)
        b->ones[i] += sign * (int64_t)(x >> i & 1);
}

static void bits_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    bits_add(c, v[0], 1);
}

static void bits_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    bits_add(c, v[0], -1);
}

static void bits_value(sqlite3_context *c, char op)
{
    struct bits *b = sqlite3_aggregate_context(c, 0);
    uint64_t x = 0;

    if (!b || b->n == 0) {
        sqlite3_result_null(c);
        return;
    }
    for (int i = 0; i < 64; i++) {
        bool set = op == '&'   ? b->ones[i] == b->n
                   : op == '|' ? b->ones[i] > 0
                               : b->ones[i] % 2;
        x |= (uint64_t)set << i;
    }
    sqlite3_result_int64(c, (int64_t)x);
}

static void bit_and(sqlite3_context *c)
{
    bits_value(c, '&');
}

static void bit_or(sqlite3_context *c)
{
    bits_value(c, '|');
}

static void bit_xor(sqlite3_context *c)
{
    bits_value(c, '^');
}

/* MIN of FLOAT64: NaN, if there is one. */
struct least {
    bool any, nan;
    double v;
};

static void fmin_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct least *l = sqlite3_aggregate_context(c, sizeof(*l));
    double x;

    (void)n;
    if (!l || is_null(v[0]))
        return;
    x = real_arg(v[0]);
    l->nan |= isnan(x);
    if (!isnan(x) && (!l->any || x < l->v))
        l->v = x;
    l->any = true;
}

static void fmin_final(sqlite3_context *c)
{
    struct least *l = sqlite3_aggregate_context(c, 0);

    if (!l || !l->any)
        sqlite3_result_null(c);
    else
        real_result(c, l->nan ? NAN : l->v);
}

/* The one row of a scalar subquery; a second is an error. */
struct scalar {
    int n;
    sqlite3_value *v;
};

static void scalar_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct scalar *s = sqlite3_aggregate_context(c, sizeof(*s));

    (void)n;
    if (s && s->n++ == 0)
        s->v = sqlite3_value_dup(v[0]);
    else
        sqlite3_result_error(c,
                             "Scalar subquery produced more than one "
                             "element",
                             -1);
}

static void scalar_final(sqlite3_context *c)
{
    struct scalar *s = sqlite3_aggregate_context(c, 0);

    if (s && s->n == 1)
        sqlite3_result_value(c, s->v);
    else if (!s || s->n == 0)
        sqlite3_result_null(c);
    else
        sqlite3_result_error(c,
                             "Scalar subquery produced more than one "
                             "element",
                             -1);
    if (s)
        sqlite3_value_free(s->v);
}

int aggregates_register(sqlite3 *db, struct runtime *rt)
{
    static const struct {
        const char *name;
        int n;
        void (*step)(sqlite3_context *, int, sqlite3_value **);
        void (*inverse)(sqlite3_context *, int, sqlite3_value **);
        void (*value)(sqlite3_context *);
    } table[] = {
        {"bq_isum", 1, ints_step, ints_inverse, ints_value},
        {"bq_fsum", 1, reals_step, reals_inverse, sum_value},
        {"bq_favg", 1, reals_step, reals_inverse, avg_value},
        {"bq_var_samp", 1, reals_step, reals_inverse, var_samp},
        {"bq_var_pop", 1, reals_step, reals_inverse, var_pop},
        {"bq_stddev_samp", 1, reals_step, reals_inverse, stddev_samp},
        {"bq_stddev_pop", 1, reals_step, reals_inverse, stddev_pop},
        {"bq_corr", 2, pairs_step, pairs_inverse, corr},
        {"bq_covar_pop", 2, pairs_step, pairs_inverse, covar_pop},
        {"bq_covar_samp", 2, pairs_step, pairs_inverse, covar_samp},
        {"bq_nsum", 1, decimals_step, decimals_inverse, nsum},
        {"bq_gsum", 1, decimals_step, decimals_inverse, gsum},
        {"bq_navg", 1, decimals_step, decimals_inverse, navg},
        {"bq_gavg", 1, decimals_step, decimals_inverse, gavg},
        {"bq_bit_and", 1, bits_step, bits_inverse, bit_and},
        {"bq_bit_or", 1, bits_step, bits_inverse, bit_or},
        {"bq_bit_xor", 1, bits_step, bits_inverse, bit_xor},
    };
    int rc = SQLITE_OK;

    (void)rt;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table) && !rc; i++)
        rc = sqlite3_create_window_function(
            db, table[i].name, table[i].n,
            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
            table[i].step, table[i].value, table[i].value, table[i].inverse,
            NULL);
    if (!rc)
        rc = sqlite3_create_function(db, "bq_fmin_agg", 1, SQLITE_UTF8, NULL,
                                     NULL, fmin_step, fmin_final);
    if (!rc)
        rc = sqlite3_create_function(db, "bq_scalar", 1, SQLITE_UTF8, NULL,
                                     NULL, scalar_step, scalar_final);
    return rc;
}
