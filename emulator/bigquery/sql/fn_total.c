/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of values that bq_collect has gathered, where an aggregate of
 * fixed state cannot see which of them count: SUM and AVG of a window's
 * DISTINCT values, and of the rows that HAVING MAX or MIN leaves. */
#include <math.h>

#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/fn_bridge.h"

struct total {
    int64_t n;
    __int128 ints;
    double reals, error; /* Neumaier's compensated sum */
    bool any_infinite, overflow;
    struct dec decimals;
};

static void add_real(struct total *t, double v)
{
    double sum = t->reals + v;

    t->any_infinite |= isinf(v);
    t->error +=
        fabs(t->reals) >= fabs(v) ? (t->reals - sum) + v : (v - sum) + t->reals;
    t->reals = sum;
}

static void add(struct total *t, char letter, const struct value *v)
{
    struct dec x;

    if (v->kind == FN_NULL)
        return;
    t->n++;
    if (letter == '#')
        return;
    if (letter == 'I')
        t->ints += v->i;
    else if (letter == 'F')
        add_real(t, v->kind == FN_TEXT  ? NAN
                    : v->kind == FN_INT ? (double)v->i
                                        : v->d);
    else if (dec_parse(&x, v->s, DEC_BIGNUMERIC) ||
             dec_add(&t->decimals, &t->decimals, &x, DEC_BIGNUMERIC))
        t->overflow = true;
}

static void set_ints(struct fn *f, const struct total *t, bool average)
{
    if (average)
        fn_set_real(f, (double)t->ints / (double)t->n);
    else if (t->ints < INT64_MIN || t->ints > INT64_MAX)
        fn_fail(f, "int64 overflow in SUM");
    else
        fn_set_int(f, (int64_t)t->ints);
}

static void set_reals(struct fn *f, const struct total *t, bool average)
{
    double v = isfinite(t->reals) ? t->reals + t->error : t->reals;

    if (isinf(v) && !t->any_infinite)
        fn_fail(f, "double overflow in %s", average ? "AVG" : "SUM");
    else
        fn_set_real(f, average ? v / (double)t->n : v);
}

static void set_decimals(struct fn *f, struct total *t, int scale, bool average)
{
    char text[DEC_TEXT_MAX];
    struct dec n;

    if (average) {
        dec_from_i64(&n, t->n, DEC_BIGNUMERIC);
        t->overflow |=
            dec_div(&t->decimals, &t->decimals, &n, DEC_BIGNUMERIC) != DEC_OK;
    }
    dec_format(text, &t->decimals, DEC_BIGNUMERIC);
    t->overflow |= dec_parse(&n, str_from(text), scale) != DEC_OK;
    if (t->overflow) {
        fn_fail(f, scale == DEC_NUMERIC ? "numeric overflow"
                                        : "BIGNUMERIC overflow");
        return;
    }
    dec_format(text, &n, scale);
    fn_set_str(f, str_from(text));
}

/* (letter and s, a or c, array): I, F, N, G as in aggregates.def, # of any
 * type; s sum, a average, c how many. */
void rt_total(struct fn *f)
{
    struct str what = fn_str(f, 0);
    struct total t = {0};
    struct buf scratch;
    struct value v;
    struct elems e;

    fn_buf(&scratch);
    elems_init(&e, fn_str(f, 1));
    while (elems_next(&e, &v, &scratch))
        add(&t, what.p[0], &v);
    buf_fini(&scratch);
    if (what.p[1] == 'c')
        fn_set_int(f, t.n);
    else if (t.n == 0)
        fn_null(f);
    else if (what.p[0] == 'I')
        set_ints(f, &t, what.p[1] == 'a');
    else if (what.p[0] == 'F')
        set_reals(f, &t, what.p[1] == 'a');
    else
        set_decimals(f, &t, what.p[0] == 'N' ? DEC_NUMERIC : DEC_BIGNUMERIC,
                     what.p[1] == 'a');
}
