/* SPDX-License-Identifier: Apache-2.0 */
/* SQRT, EXP, LN, LOG, POW of NUMERIC (page "Mathematical functions"). Results
 * have nine digits behind the point. What a long double (64 bits of mantissa)
 * holds to all of them is taken from it; powers are multiplied out. A result
 * that neither gets right is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn.h"

enum {
    EXPONENT_MAX = 10000
};

/* Below it a long double has the nine digits, and the largest NUMERIC. */
#define EXACT_MAX   1e9L
#define NUMERIC_MAX 1e29L
/* Below it a product of fractions, cut at 38 digits, has the nine. */
#define PRODUCT_MAX 1e20L

static long double number(const struct fn *f, int i)
{
    char text[DEC_TEXT_MAX];
    struct str s = fn_str(f, i);

    snprintf(text, sizeof(text), "%.*s", STR_ARG(s));
    return strtold(text, NULL);
}

static void put(struct fn *f, const char *function, long double v)
{
    char text[DEC_TEXT_MAX];
    struct dec d;
    int n;

    if (isnan(v)) {
        fn_fail(f, "Floating point error in function: %s", function);
    } else if (fabsl(v) >= NUMERIC_MAX) {
        fn_fail(f, "numeric overflow");
    } else if (fabsl(v) >= EXACT_MAX) {
        fn_fail(f,
                "%s of NUMERIC with a result beyond 1e9 is not supported by "
                "this emulator",
                function);
    } else {
        n = snprintf(text, sizeof(text), "%.9Lf", v);
        if (dec_parse(&d, str_of(text, (size_t)n), DEC_NUMERIC) == DEC_OK)
            fn_set_str(f, str_of(text, dec_format(text, &d, DEC_NUMERIC)));
        else
            fn_fail(f, "numeric overflow");
    }
}

/* A value of BIGNUMERIC's scale as a NUMERIC. */
static void put_wide(struct fn *f, struct dec *d)
{
    char text[DEC_TEXT_MAX];
    struct dec out;

    if (dec_round(d, DEC_NUMERIC, DEC_BIGNUMERIC, DEC_ROUND) ||
        dec_parse(&out, str_of(text, dec_format(text, d, DEC_BIGNUMERIC)),
                  DEC_NUMERIC))
        fn_fail(f, "numeric overflow");
    else
        fn_set_str(f, str_of(text, dec_format(text, &out, DEC_NUMERIC)));
}

/* Newton's steps double the digits that the long double has. */
void rt_nsqrt(struct fn *f)
{
    long double v = number(f, 0);
    char text[DEC_TEXT_MAX];
    struct dec a, x, q, half;

    if (v < 0) {
        fn_fail(f, "Argument to SQRT must be >= 0");
        return;
    }
    snprintf(text, sizeof(text), "%.20Lf", sqrtl(v));
    if (dec_parse(&a, fn_str(f, 0), DEC_BIGNUMERIC) ||
        dec_parse(&x, str_from(text), DEC_BIGNUMERIC) ||
        dec_parse(&half, STR("0.5"), DEC_BIGNUMERIC)) {
        fn_fail(f, "Invalid NUMERIC value");
        return;
    }
    for (int i = 0; i < 3 && !dec_is_zero(&x); i++) {
        if (dec_div(&q, &a, &x, DEC_BIGNUMERIC) ||
            dec_add(&x, &x, &q, DEC_BIGNUMERIC) ||
            dec_mul(&x, &x, &half, DEC_BIGNUMERIC))
            break;
    }
    put_wide(f, &x);
}

void rt_nexp(struct fn *f)
{
    put(f, "EXP", expl(number(f, 0)));
}

static bool in_domain(struct fn *f, long double v, const char *function)
{
    if (v <= 0)
        fn_fail(f, "Argument out of range in function: %s", function);
    return v > 0;
}

void rt_nln(struct fn *f)
{
    long double v = number(f, 0);

    if (in_domain(f, v, "LN"))
        put(f, "LN", logl(v));
}

void rt_nlog10(struct fn *f)
{
    long double v = number(f, 0);

    if (in_domain(f, v, "LOG10"))
        put(f, "LOG10", log10l(v));
}

void rt_nlog(struct fn *f)
{
    long double v = number(f, 0), base = number(f, 1);

    if (!in_domain(f, v, "LOG") || !in_domain(f, base, "LOG"))
        return;
    if (base == 1)
        fn_fail(f, "Argument out of range in function: LOG");
    else
        put(f, "LOG", logl(v) / logl(base));
}

/* By squaring, at 38 digits behind the point. */
static enum dec_status power(struct dec *out, struct dec x, int n)
{
    enum dec_status rc = DEC_OK;

    dec_from_i64(out, 1, DEC_BIGNUMERIC);
    while (n && !rc) {
        if (n & 1)
            rc = dec_mul(out, out, &x, DEC_BIGNUMERIC);
        n >>= 1;
        if (n && !rc)
            rc = dec_mul(&x, &x, &x, DEC_BIGNUMERIC);
    }
    return rc;
}

void rt_npow(struct fn *f)
{
    long double x = number(f, 0), y = number(f, 1), v;
    bool counts = y >= 0 && y <= EXPONENT_MAX && y == floorl(y);
    struct dec base, out;

    if (x == 0 && y < 0) {
        fn_fail(f, "Floating point error in function: POW");
        return;
    }
    v = powl(x, y);
    if (counts && fabsl(v) < (x == floorl(x) ? NUMERIC_MAX : PRODUCT_MAX) &&
        dec_parse(&base, fn_str(f, 0), DEC_BIGNUMERIC) == DEC_OK &&
        power(&out, base, (int)y) == DEC_OK)
        put_wide(f, &out);
    else
        put(f, "POW", v);
}
