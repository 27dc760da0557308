/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WIDE = 2 * DEC_WORDS
};

/* --- magnitudes: arrays of `n` words, least first ----------------------- */

static int mag_cmp(const uint32_t *a, const uint32_t *b, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

static bool mag_is_zero(const uint32_t *a, int n)
{
    for (int i = 0; i < n; i++) {
        if (a[i])
            return false;
    }
    return true;
}

/* a += b; the carry is returned. */
static uint32_t mag_add(uint32_t *a, const uint32_t *b, int n)
{
    uint64_t carry = 0;

    for (int i = 0; i < n; i++) {
        carry += (uint64_t)a[i] + b[i];
        a[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

static void mag_sub(uint32_t *a, const uint32_t *b, int n) /* a >= b */
{
    uint64_t borrow = 0;

    for (int i = 0; i < n; i++) {
        uint64_t v = (uint64_t)a[i] - b[i] - borrow;
        a[i] = (uint32_t)v;
        borrow = v >> 63;
    }
}

/* a = a * m + plus; what does not fit is returned. */
static uint32_t mag_mul_small(uint32_t *a, int n, uint32_t m, uint32_t plus)
{
    uint64_t carry = plus;

    for (int i = 0; i < n; i++) {
        carry += (uint64_t)a[i] * m;
        a[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

static uint32_t mag_div_small(uint32_t *a, int n, uint32_t m)
{
    uint64_t rest = 0;

    for (int i = n - 1; i >= 0; i--) {
        rest = rest << 32 | a[i];
        a[i] = (uint32_t)(rest / m);
        rest %= m;
    }
    return (uint32_t)rest;
}

static void mag_mul(uint32_t *out, const uint32_t *a, const uint32_t *b)
{
    memset(out, 0, WIDE * sizeof(*out));
    for (int i = 0; i < DEC_WORDS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < DEC_WORDS; j++) {
            carry += (uint64_t)a[i] * b[j] + out[i + j];
            out[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        out[i + DEC_WORDS] = (uint32_t)carry;
    }
}

static int mag_bits(const uint32_t *a, int n)
{
    while (n > 0 && !a[n - 1])
        n--;
    return n ? 32 * n - __builtin_clz(a[n - 1]) : 0;
}

/* a (WIDE words) becomes the quotient, r the rest: bit by bit, as divisions
 * of this width are rare. */
static void mag_div(uint32_t *a, const uint32_t *b, uint32_t *r)
{
    uint32_t rest[WIDE + 1] = {0}, wide_b[WIDE + 1] = {0}, q[WIDE] = {0};

    memcpy(wide_b, b, DEC_WORDS * sizeof(*b));
    for (int bit = mag_bits(a, WIDE) - 1; bit >= 0; bit--) {
        mag_mul_small(rest, WIDE + 1, 2, a[bit / 32] >> (bit % 32) & 1);
        if (mag_cmp(rest, wide_b, WIDE + 1) >= 0) {
            mag_sub(rest, wide_b, WIDE + 1);
            q[bit / 32] |= 1u << (bit % 32);
        }
    }
    memcpy(a, q, sizeof(q));
    memcpy(r, rest, DEC_WORDS * sizeof(*r));
}

static void mag_scale(uint32_t *a, int n, int digits)
{
    for (; digits >= 9; digits -= 9)
        mag_mul_small(a, n, 1000000000, 0);
    for (; digits > 0; digits--)
        mag_mul_small(a, n, 10, 0);
}

/* 10^digits, up to 76. */
static void mag_power(uint32_t *out, int digits)
{
    memset(out, 0, DEC_WORDS * sizeof(*out));
    out[0] = 1;
    mag_scale(out, DEC_WORDS, digits);
}

/* --- limits --------------------------------------------------------------- */

/* NUMERIC: below 10^38; BIGNUMERIC: a signed integer of 256 bits. */
static enum dec_status check(struct dec *d, int scale)
{
    uint32_t limit[DEC_WORDS];

    if (mag_is_zero(d->w, DEC_WORDS))
        d->neg = false;
    if (scale == DEC_BIGNUMERIC)
        return d->w[DEC_WORDS - 1] >> 31 ? DEC_OVERFLOW : DEC_OK;
    mag_power(limit, 38);
    return mag_cmp(d->w, limit, DEC_WORDS) >= 0 ? DEC_OVERFLOW : DEC_OK;
}

static enum dec_status narrow(struct dec *d, const uint32_t *wide, int scale)
{
    if (!mag_is_zero(wide + DEC_WORDS, WIDE - DEC_WORDS))
        return DEC_OVERFLOW;
    memcpy(d->w, wide, sizeof(d->w));
    return check(d, scale);
}

/* --- text ------------------------------------------------------------------
 */

struct reading {
    const char *p, *end;
    uint32_t wide[WIDE];
    int behind; /* digits read behind the point */
    int n;
    bool any, sticky;
};

static void digit(struct reading *r, int d, bool behind, int room)
{
    r->any = true;
    if (r->n > 130 || (behind && r->behind > room)) {
        r->sticky |= d != 0;
        r->n += !behind; /* keeps the magnitude: overflow is seen later */
        return;
    }
    mag_mul_small(r->wide, WIDE, 10, (uint32_t)d);
    if (!mag_is_zero(r->wide, WIDE))
        r->n++;
    r->behind += behind;
}

static bool read_exponent(struct reading *r, long *out)
{
    long sign = 1, v = 0;
    const char *from;

    *out = 0;
    if (r->p == r->end || (*r->p | 0x20) != 'e')
        return true;
    r->p++;
    if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
        sign = *r->p++ == '-' ? -1 : 1;
    from = r->p;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        v = v < 10000 ? v * 10 + (*r->p - '0') : v;
    *out = sign * v;
    return r->p > from;
}

enum dec_status dec_parse(struct dec *d, struct str text, int scale)
{
    struct reading r = {text.p, text.p + text.len, {0}, 0, 0, false, false};
    bool behind = false, half = false;
    long exponent, shift;

    *d = (struct dec){0};
    while (r.p < r.end && (*r.p == ' ' || *r.p == '\t'))
        r.p++;
    while (r.end > r.p && (r.end[-1] == ' ' || r.end[-1] == '\t'))
        r.end--;
    if (r.p < r.end && (*r.p == '+' || *r.p == '-'))
        d->neg = *r.p++ == '-';
    for (; r.p < r.end; r.p++) {
        if (*r.p == '.' && !behind)
            behind = true;
        else if (*r.p >= '0' && *r.p <= '9')
            digit(&r, *r.p - '0', behind, 90);
        else
            break;
    }
    if (!r.any || !read_exponent(&r, &exponent) || r.p != r.end)
        return DEC_SYNTAX;
    if (mag_is_zero(r.wide, WIDE)) {
        d->neg = false;
        return DEC_OK;
    }
    shift = scale - r.behind + exponent;
    if (r.n + shift > 150 || r.n > 130)
        return DEC_OVERFLOW;
    for (; shift > 0; shift--) {
        if (mag_mul_small(r.wide, WIDE, 10, 0))
            return DEC_OVERFLOW;
    }
    for (; shift < 0; shift++)
        half = mag_div_small(r.wide, WIDE, 10) >= 5;
    if (half && mag_mul_small(r.wide, WIDE, 1, 1))
        return DEC_OVERFLOW;
    return narrow(d, r.wide, scale);
}

size_t dec_format(char *out, const struct dec *d, int scale)
{
    char digits[DEC_TEXT_MAX] = {0};
    uint32_t w[DEC_WORDS];
    int n = 0, at = 0, low = 0;

    memcpy(w, d->w, sizeof(w));
    while (!mag_is_zero(w, DEC_WORDS))
        digits[n++] = (char)('0' + mag_div_small(w, DEC_WORDS, 10));
    while (n <= scale)
        digits[n++] = '0';
    while (low < scale && digits[low] == '0')
        low++;
    if (d->neg)
        out[at++] = '-';
    for (int i = n - 1; i >= scale; i--)
        out[at++] = digits[i];
    if (low < scale)
        out[at++] = '.';
    for (int i = scale - 1; i >= low; i--)
        out[at++] = digits[i];
    out[at] = '\0';
    return (size_t)at;
}

void dec_from_i64(struct dec *d, int64_t v, int scale)
{
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    *d = (struct dec){.neg = v < 0};
    d->w[0] = (uint32_t)u;
    d->w[1] = (uint32_t)(u >> 32);
    mag_scale(d->w, DEC_WORDS, scale);
}

enum dec_status dec_from_double(struct dec *d, double v, int scale)
{
    char text[400];
    int n;

    if (isnan(v) || isinf(v))
        return DEC_SYNTAX;
    if (fabs(v) > 1e40)
        return DEC_OVERFLOW;
    n = snprintf(text, sizeof(text), "%.*f", scale + 2, v);
    if (scale == DEC_NUMERIC) /* the double's shortest decimal, not its bits */
        n = snprintf(text, sizeof(text), "%.17g", v);
    return dec_parse(d, str_of(text, (size_t)n), scale);
}

double dec_to_double(const struct dec *d, int scale)
{
    char text[DEC_TEXT_MAX];

    dec_format(text, d, scale);
    return strtod(text, NULL);
}

enum dec_status dec_to_i64(const struct dec *d, int scale, int64_t *out)
{
    struct dec r = *d;
    char text[DEC_TEXT_MAX];
    size_t n;

    if (dec_round(&r, 0, scale, DEC_ROUND))
        return DEC_OVERFLOW;
    n = dec_format(text, &r, scale);
    return str_to_i64(str_of(text, n), out) ? DEC_OK : DEC_OVERFLOW;
}

/* --- arithmetic --------------------------------------------------------------
 */

int dec_cmp(const struct dec *a, const struct dec *b)
{
    int order;

    if (a->neg != b->neg)
        return a->neg ? -1 : 1;
    order = mag_cmp(a->w, b->w, DEC_WORDS);
    return a->neg ? -order : order;
}

bool dec_is_zero(const struct dec *d)
{
    return mag_is_zero(d->w, DEC_WORDS);
}

enum dec_status dec_add(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale)
{
    struct dec r = *a;

    if (a->neg == b->neg) {
        if (mag_add(r.w, b->w, DEC_WORDS))
            return DEC_OVERFLOW;
    } else if (mag_cmp(a->w, b->w, DEC_WORDS) >= 0) {
        mag_sub(r.w, b->w, DEC_WORDS);
    } else {
        r = *b;
        mag_sub(r.w, a->w, DEC_WORDS);
    }
    *out = r;
    return check(out, scale);
}

/* wide / divisor, rounded half away from zero. */
static bool divide_rounded(uint32_t *wide, const uint32_t *divisor)
{
    uint32_t rest[DEC_WORDS], twice[DEC_WORDS + 1] = {0},
                                                wide_d[DEC_WORDS + 1] = {0};

    mag_div(wide, divisor, rest);
    memcpy(twice, rest, sizeof(rest));
    mag_mul_small(twice, DEC_WORDS + 1, 2, 0);
    memcpy(wide_d, divisor, DEC_WORDS * sizeof(*divisor));
    return mag_cmp(twice, wide_d, DEC_WORDS + 1) >= 0 &&
           mag_mul_small(wide, WIDE, 1, 1);
}

enum dec_status dec_mul(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale)
{
    uint32_t wide[WIDE], power[DEC_WORDS];
    struct dec r = {.neg = a->neg != b->neg};
    enum dec_status rc;

    mag_mul(wide, a->w, b->w);
    mag_power(power, scale);
    if (divide_rounded(wide, power))
        return DEC_OVERFLOW;
    rc = narrow(&r, wide, scale);
    *out = r;
    return rc;
}

enum dec_status dec_div(struct dec *out, const struct dec *a,
                        const struct dec *b, int scale)
{
    uint32_t wide[WIDE] = {0};
    struct dec r = {.neg = a->neg != b->neg};
    enum dec_status rc;

    if (dec_is_zero(b))
        return DEC_ZERO;
    memcpy(wide, a->w, sizeof(a->w));
    mag_scale(wide, WIDE, scale);
    if (divide_rounded(wide, b->w))
        return DEC_OVERFLOW;
    rc = narrow(&r, wide, scale);
    *out = r;
    return rc;
}

enum dec_status dec_divmod(struct dec *q, struct dec *r, const struct dec *a,
                           const struct dec *b, int scale)
{
    uint32_t wide[WIDE] = {0}, rest[DEC_WORDS];
    struct dec quotient = {.neg = a->neg != b->neg};
    bool neg = a->neg;
    enum dec_status rc;

    if (dec_is_zero(b))
        return DEC_ZERO;
    memcpy(wide, a->w, sizeof(a->w));
    mag_div(wide, b->w, rest);
    mag_scale(wide, WIDE, scale);
    rc = narrow(&quotient, wide, scale);
    *q = quotient;
    memcpy(r->w, rest, sizeof(rest));
    r->neg = neg && !mag_is_zero(rest, DEC_WORDS);
    return rc;
}

enum dec_status dec_round(struct dec *d, int64_t digits, int scale,
                          enum dec_rounding mode)
{
    uint32_t wide[WIDE] = {0}, rest[DEC_WORDS], power[DEC_WORDS];
    int cut = digits >= scale ? 0 : digits < -38 ? 76 : (int)(scale - digits);
    bool up;

    if (cut == 0)
        return DEC_OK;
    if (cut > 76)
        cut = 76;
    mag_power(power, cut);
    memcpy(wide, d->w, sizeof(d->w));
    if (mode == DEC_ROUND) {
        divide_rounded(wide, power);
    } else {
        mag_div(wide, power, rest);
        up = !mag_is_zero(rest, DEC_WORDS) &&
             ((mode == DEC_FLOOR && d->neg) || (mode == DEC_CEIL && !d->neg));
        if (up)
            mag_mul_small(wide, WIDE, 1, 1);
    }
    mag_scale(wide, WIDE, cut);
    return narrow(d, wide, scale);
}
