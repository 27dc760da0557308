/* SPDX-License-Identifier: Apache-2.0 */
/* INT64 and FLOAT64: arithmetic that fails where SQLite would round or give
 * NULL, comparisons with NaN, mathematical functions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/rand.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/real_text.h"

static void overflow(struct fn *f, int64_t a, char op, int64_t b)
{
    fn_fail(f, "int64 overflow: %lld %c %lld", (long long)a, op, (long long)b);
}

void rt_add(struct fn *f)
{
    int64_t sum = fn_int(f, 0), r;

    for (int i = 1; i < fn_count(f); i++) {
        if (__builtin_add_overflow(sum, fn_int(f, i), &r)) {
            overflow(f, sum, '+', fn_int(f, i));
            return;
        }
        sum = r;
    }
    fn_set_int(f, sum);
}

void rt_sub(struct fn *f)
{
    int64_t sum = fn_int(f, 0), r;

    for (int i = 1; i < fn_count(f); i++) {
        if (__builtin_sub_overflow(sum, fn_int(f, i), &r)) {
            overflow(f, sum, '-', fn_int(f, i));
            return;
        }
        sum = r;
    }
    fn_set_int(f, sum);
}

void rt_mul(struct fn *f)
{
    int64_t sum = fn_int(f, 0), r;

    for (int i = 1; i < fn_count(f); i++) {
        if (__builtin_mul_overflow(sum, fn_int(f, i), &r)) {
            overflow(f, sum, '*', fn_int(f, i));
            return;
        }
        sum = r;
    }
    fn_set_int(f, sum);
}

void rt_neg(struct fn *f)
{
    int64_t v = fn_int(f, 0);

    if (v == INT64_MIN)
        fn_fail(f, "int64 overflow: -(%lld)", (long long)v);
    else
        fn_set_int(f, -v);
}

void rt_abs(struct fn *f)
{
    int64_t v = fn_int(f, 0);

    if (v == INT64_MIN)
        fn_fail(f, "int64 overflow: ABS(%lld)", (long long)v);
    else
        fn_set_int(f, v < 0 ? -v : v);
}

void rt_div(struct fn *f)
{
    int64_t a = fn_int(f, 0), b = fn_int(f, 1);

    if (b == 0)
        fn_fail(f, "division by zero: %lld / %lld", (long long)a, (long long)b);
    else if (a == INT64_MIN && b == -1)
        overflow(f, a, '/', b);
    else
        fn_set_int(f, a / b);
}

void rt_mod(struct fn *f)
{
    int64_t a = fn_int(f, 0), b = fn_int(f, 1);

    if (b == 0)
        fn_fail(f, "division by zero: MOD(%lld, 0)", (long long)a);
    else
        fn_set_int(f, b == -1 ? 0 : a % b);
}

void rt_xor(struct fn *f)
{
    fn_set_int(f, fn_int(f, 0) ^ fn_int(f, 1));
}

static void shift(struct fn *f, bool left)
{
    uint64_t v = (uint64_t)fn_int(f, 0);
    int64_t n = fn_int(f, 1);

    if (n < 0)
        fn_fail(f, "Bitwise shift by a negative number: %lld", (long long)n);
    else if (n > 63)
        fn_set_int(f, 0);
    else
        fn_set_int(f, (int64_t)(left ? v << n : v >> n));
}

void rt_shl(struct fn *f)
{
    shift(f, true);
}

void rt_shr(struct fn *f)
{
    shift(f, false);
}

void rt_bit_count(struct fn *f)
{
    int64_t n = 0;
    struct str s;

    if (fn_kind(f, 0) == FN_INT) {
        fn_set_int(f, __builtin_popcountll((uint64_t)fn_int(f, 0)));
        return;
    }
    s = fn_str(f, 0);
    for (size_t i = 0; i < s.len; i++)
        n += __builtin_popcount((unsigned char)s.p[i]);
    fn_set_int(f, n);
}

/* --- FLOAT64 -------------------------------------------------------------- */

static bool finite_args(struct fn *f)
{
    for (int i = 0; i < fn_count(f); i++) {
        if (!isfinite(fn_real(f, i)))
            return false;
    }
    return true;
}

static void float_result(struct fn *f, double v, char op)
{
    char a[40], b[40];

    if (isfinite(v) || !finite_args(f)) {
        fn_set_real(f, v);
        return;
    }
    real_to_text(a, fn_real(f, 0));
    real_to_text(b, fn_real(f, 1));
    fn_fail(f, "double overflow: %s %c %s", a, op, b);
}

void rt_fadd(struct fn *f)
{
    double v = fn_real(f, 0);

    for (int i = 1; i < fn_count(f); i++)
        v += fn_real(f, i);
    float_result(f, v, '+');
}

void rt_fsub(struct fn *f)
{
    double v = fn_real(f, 0);

    for (int i = 1; i < fn_count(f); i++)
        v -= fn_real(f, i);
    float_result(f, v, '-');
}

void rt_fmul(struct fn *f)
{
    double v = fn_real(f, 0);

    for (int i = 1; i < fn_count(f); i++)
        v *= fn_real(f, i);
    float_result(f, v, '*');
}

void rt_fdiv(struct fn *f)
{
    double v = fn_real(f, 0);
    char a[40];

    for (int i = 1; i < fn_count(f); i++) {
        if (fn_real(f, i) == 0) {
            real_to_text(a, v);
            fn_fail(f, "division by zero: %s / 0", a);
            return;
        }
        v /= fn_real(f, i);
    }
    float_result(f, v, '/');
}

void rt_ieee_divide(struct fn *f)
{
    fn_set_real(f, fn_real(f, 0) / fn_real(f, 1));
}

void rt_fneg(struct fn *f)
{
    fn_set_real(f, -fn_real(f, 0));
}

void rt_fabs(struct fn *f)
{
    fn_set_real(f, fabs(fn_real(f, 0)));
}

void rt_fsign(struct fn *f)
{
    double v = fn_real(f, 0);
    fn_set_real(f, isnan(v) ? v : (v > 0) - (v < 0));
}

void rt_fcmp(struct fn *f)
{
    struct str op = fn_str(f, 0);
    double a = fn_real(f, 1), b = fn_real(f, 2);

    switch (op.p[0]) {
    case '=':
        fn_set_bool(f, a == b);
        break;
    case '!':
        fn_set_bool(f, a != b);
        break;
    case '<':
        fn_set_bool(f, op.len == 2 ? a <= b : a < b);
        break;
    default:
        fn_set_bool(f, op.len == 2 ? a >= b : a > b);
    }
}

void rt_is_nan(struct fn *f)
{
    fn_set_bool(f, isnan(fn_real(f, 0)));
}

void rt_is_inf(struct fn *f)
{
    fn_set_bool(f, isinf(fn_real(f, 0)));
}

static void extreme(struct fn *f, int sign)
{
    double best = fn_real(f, 0);

    for (int i = 1; i < fn_count(f) && !isnan(best); i++) {
        double v = fn_real(f, i);
        if (isnan(v) || sign * v > sign * best)
            best = v;
    }
    fn_set_real(f, best);
}

void rt_fmax(struct fn *f)
{
    extreme(f, 1);
}

void rt_fmin(struct fn *f)
{
    extreme(f, -1);
}

/* Digits behind the point by way of the decimal text: 2.675 must not become
 * what its bits would say after a multiplication. */
static double to_digits(double v, int64_t digits, double (*whole)(double))
{
    double power, scaled;

    if (!isfinite(v) || digits > 300)
        return v;
    if (digits < -300)
        return 0;
    power = pow(10, (double)llabs(digits));
    scaled = digits < 0 ? v / power : v * power;
    if (!isfinite(scaled))
        return v;
    if (whole == round && digits > 0) {
        char text[400];
        double r = whole(scaled);
        if (fabs(scaled - r) == 0.5)
            r = scaled > 0 ? ceil(scaled) : floor(scaled);
        snprintf(text, sizeof(text), "%.0f", r);
        return strtod(text, NULL) / power;
    }
    scaled = whole(scaled);
    return digits < 0 ? scaled * power : scaled / power;
}

void rt_fround(struct fn *f)
{
    int64_t digits = fn_count(f) > 1 ? fn_int(f, 1) : 0;
    double v = to_digits(fn_real(f, 0), digits, round);

    if (isinf(v) && isfinite(fn_real(f, 0)))
        fn_fail(f, "Floating point overflow in function: ROUND");
    else
        fn_set_real(f, v);
}

void rt_ftrunc(struct fn *f)
{
    fn_set_real(
        f, to_digits(fn_real(f, 0), fn_count(f) > 1 ? fn_int(f, 1) : 0, trunc));
}

void rt_fceil(struct fn *f)
{
    fn_set_real(f, ceil(fn_real(f, 0)));
}

void rt_ffloor(struct fn *f)
{
    fn_set_real(f, floor(fn_real(f, 0)));
}

/* A result that is not finite from finite arguments is an error. */
static void math(struct fn *f, const char *name, double v)
{
    if (!isfinite(v) && finite_args(f))
        fn_fail(f,
                isnan(v) ? "Argument out of range in function: %s"
                         : "Floating point overflow in function: %s",
                name);
    else
        fn_set_real(f, v);
}

#define MATH1(name, call)                                                      \
    void rt_##name(struct fn *f)                                               \
    {                                                                          \
        math(f, #call, call(fn_real(f, 0)));                                   \
    }
MATH1(exp, exp)
MATH1(sin, sin)
MATH1(cos, cos)
MATH1(tan, tan)
MATH1(asin, asin)
MATH1(acos, acos)
MATH1(atan, atan)
MATH1(sinh, sinh)
MATH1(cosh, cosh)
MATH1(tanh, tanh)
MATH1(asinh, asinh)
MATH1(acosh, acosh)
MATH1(atanh, atanh)
#undef MATH1

#define RECIPROCAL(name, call)                                                 \
    void rt_##name(struct fn *f)                                               \
    {                                                                          \
        math(f, #name, 1 / call(fn_real(f, 0)));                               \
    }
RECIPROCAL(cot, tan)
RECIPROCAL(coth, tanh)
RECIPROCAL(csc, sin)
RECIPROCAL(csch, sinh)
RECIPROCAL(sec, cos)
RECIPROCAL(sech, cosh)
#undef RECIPROCAL

/* The library's cube root is off by one bit at times: one Newton step. */
void rt_cbrt(struct fn *f)
{
    double x = fn_real(f, 0), r = cbrt(x);

    if (r != 0 && isfinite(r))
        r -= (r * r * r - x) / (3 * r * r);
    fn_set_real(f, r);
}

void rt_sqrt(struct fn *f)
{
    double v = fn_real(f, 0);

    if (v < 0)
        fn_fail(f, "Argument to SQRT must be >= 0");
    else
        fn_set_real(f, sqrt(v));
}

static bool log_domain(struct fn *f, double v)
{
    if (v <= 0)
        fn_fail(f, "Argument out of range in function: LOG");
    return v > 0 || isnan(v);
}

void rt_ln(struct fn *f)
{
    if (log_domain(f, fn_real(f, 0)))
        fn_set_real(f, log(fn_real(f, 0)));
}

void rt_log10(struct fn *f)
{
    if (log_domain(f, fn_real(f, 0)))
        fn_set_real(f, log10(fn_real(f, 0)));
}

void rt_log(struct fn *f)
{
    double v = fn_real(f, 0), base = fn_real(f, 1), r;

    if (!log_domain(f, v) || !log_domain(f, base))
        return;
    if (base == 1) {
        fn_fail(f, "Argument out of range in function: LOG");
        return;
    }
    r = base == 2 ? log2(v) : base == 10 ? log10(v) : log(v) / log(base);
    fn_set_real(f, r);
}

void rt_pow(struct fn *f)
{
    double x = fn_real(f, 0), y = fn_real(f, 1), v = pow(x, y);

    if (x == 0 && y < 0)
        fn_fail(f, "Floating point error in function: POW");
    else
        math(f, "POW", v);
}

void rt_atan2(struct fn *f)
{
    fn_set_real(f, atan2(fn_real(f, 0), fn_real(f, 1)));
}

void rt_rand(struct fn *f)
{
    uint64_t bits;

    rand_bytes(&bits, sizeof(bits));
    fn_set_real(f, (double)(bits >> 11) * 0x1p-53);
}

/* TABLESAMPLE: a row's place in [0, 100), by its rowid and the query's seed
 * (the finisher of SplitMix64). */
void rt_draw(struct fn *f)
{
    uint64_t x =
        (uint64_t)fn_int(f, 0) * 0x9e3779b97f4a7c15U + (uint64_t)fn_int(f, 1);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    x ^= x >> 31;
    fn_set_real(f, (double)(x >> 11) * 0x1p-53 * 100);
}

void rt_percent(struct fn *f)
{
    double v = fn_is_null(f, 0) ? -1 : fn_real(f, 0);

    if (v >= 0 && v <= 100)
        fn_set_real(f, v);
    else
        fn_fail(f, "PERCENT argument value must be in the range [0, 100]");
}

void rt_range_bucket(struct fn *f)
{
    struct value point, edge;
    struct buf scratch;
    struct elems e;
    int64_t n = 0;

    fn_buf(&scratch);
    fn_get(f, 0, &point, false);
    elems_init(&e, fn_str(f, 1));
    while (elems_next(&e, &edge, &scratch) && value_cmp(&edge, &point) <= 0)
        n++;
    buf_fini(&scratch);
    fn_set_int(f, n);
}
