/* SPDX-License-Identifier: Apache-2.0 */
/* NUMERIC (n...) and BIGNUMERIC (g...) at run time: texts in, texts out. */
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn.h"

static bool get(struct fn *f, int i, int scale, struct dec *d)
{
    struct str s = fn_str(f, i);

    if (dec_parse(d, s, scale) == DEC_OK)
        return true;
    fn_fail(f, "Invalid NUMERIC value: %.*s", STR_ARG(s));
    return false;
}

static void put(struct fn *f, enum dec_status rc, const struct dec *d,
                int scale)
{
    const char *name = scale == DEC_NUMERIC ? "numeric" : "BIGNUMERIC";
    char out[DEC_TEXT_MAX];

    if (rc == DEC_OK)
        fn_set_str(f, str_of(out, dec_format(out, d, scale)));
    else if (rc == DEC_ZERO)
        fn_fail(f, "division by zero: %.*s / 0", STR_ARG(fn_str(f, 0)));
    else
        fn_fail(f, "%s overflow", name);
}

typedef enum dec_status binary(struct dec *, const struct dec *,
                               const struct dec *, int);

static enum dec_status subtract(struct dec *out, const struct dec *a,
                                const struct dec *b, int scale)
{
    struct dec minus = *b;

    minus.neg = !b->neg && !dec_is_zero(b);
    return dec_add(out, a, &minus, scale);
}

static enum dec_status modulo(struct dec *out, const struct dec *a,
                              const struct dec *b, int scale)
{
    struct dec q;
    enum dec_status rc = dec_divmod(&q, out, a, b, scale);
    return rc == DEC_OVERFLOW ? DEC_OK : rc;
}

static enum dec_status quotient(struct dec *out, const struct dec *a,
                                const struct dec *b, int scale)
{
    struct dec r;
    return dec_divmod(out, &r, a, b, scale);
}

/* `sign` stands between the operands in a message of overflow. */
static void fold(struct fn *f, int scale, binary *op, const char *sign)
{
    enum dec_status rc = DEC_OK;
    char left[DEC_TEXT_MAX];
    struct dec sum, d;
    int i = 1;

    if (!get(f, 0, scale, &sum))
        return;
    for (; i < fn_count(f); i++) {
        struct dec before = sum;
        if (!get(f, i, scale, &d))
            return;
        rc = op(&sum, &sum, &d, scale);
        if (rc == DEC_OVERFLOW && sign) {
            dec_format(left, &before, scale);
            fn_fail(f, "%s overflow: %s %s %.*s",
                    scale == DEC_NUMERIC ? "numeric" : "BIGNUMERIC", left, sign,
                    STR_ARG(fn_str(f, i)));
        }
        if (rc)
            break;
    }
    if (!fn_failed(f))
        put(f, rc, &sum, scale);
}

#define BINARY(name, op, sign)                                                 \
    void rt_n##name(struct fn *f)                                              \
    {                                                                          \
        fold(f, DEC_NUMERIC, op, sign);                                        \
    }                                                                          \
    void rt_g##name(struct fn *f)                                              \
    {                                                                          \
        fold(f, DEC_BIGNUMERIC, op, sign);                                     \
    }
BINARY(add, dec_add, "+")
BINARY(sub, subtract, "-")
BINARY(mul, dec_mul, "*")
BINARY(div, dec_div, "/")
BINARY(mod, modulo, NULL)
BINARY(idiv, quotient, NULL)
#undef BINARY

void rt_nneg(struct fn *f)
{
    struct dec d;

    if (!get(f, 0, DEC_BIGNUMERIC, &d))
        return;
    d.neg = !d.neg && !dec_is_zero(&d);
    put(f, DEC_OK, &d, DEC_BIGNUMERIC);
}

void rt_nabs(struct fn *f)
{
    struct dec d;

    if (!get(f, 0, DEC_BIGNUMERIC, &d))
        return;
    d.neg = false;
    put(f, DEC_OK, &d, DEC_BIGNUMERIC);
}

void rt_gabs(struct fn *f)
{
    rt_nabs(f);
}

void rt_nsign(struct fn *f)
{
    struct dec d;

    if (get(f, 0, DEC_BIGNUMERIC, &d))
        fn_set_str(f, dec_is_zero(&d) ? STR("0")
                      : d.neg         ? STR("-1")
                                      : STR("1"));
}

static void to_digits(struct fn *f, int scale, enum dec_rounding mode)
{
    enum dec_status rc;
    struct dec d;

    if (!get(f, 0, scale, &d))
        return;
    rc = dec_round(&d, fn_count(f) > 1 ? fn_int(f, 1) : 0, scale, mode);
    put(f, rc, &d, scale);
}

#define ROUNDING(name, mode)                                                   \
    void rt_n##name(struct fn *f)                                              \
    {                                                                          \
        to_digits(f, DEC_NUMERIC, mode);                                       \
    }                                                                          \
    void rt_g##name(struct fn *f)                                              \
    {                                                                          \
        to_digits(f, DEC_BIGNUMERIC, mode);                                    \
    }
ROUNDING(round, DEC_ROUND)
ROUNDING(trunc, DEC_TRUNC)
ROUNDING(floor, DEC_FLOOR)
ROUNDING(ceil, DEC_CEIL)
#undef ROUNDING

static void extreme(struct fn *f, int sign)
{
    struct dec best, d;
    int at = 0;

    if (!get(f, 0, DEC_BIGNUMERIC, &best))
        return;
    for (int i = 1; i < fn_count(f); i++) {
        if (!get(f, i, DEC_BIGNUMERIC, &d))
            return;
        if (sign * dec_cmp(&d, &best) > 0) {
            best = d;
            at = i;
        }
    }
    fn_set_arg(f, at);
}

void rt_nmax(struct fn *f)
{
    extreme(f, 1);
}

void rt_nmin(struct fn *f)
{
    extreme(f, -1);
}

/* NUMERIC(p, s): (value, precision, scale, column or '' in a cast). */
void rt_fit_decimal(struct fn *f)
{
    struct str column = fn_str(f, 3);
    int64_t precision, scale;
    char out[DEC_TEXT_MAX];
    struct dec d;
    size_t n;

    if (fn_is_null(f, 0)) {
        fn_null(f);
        return;
    }
    precision = fn_int(f, 1);
    scale = fn_int(f, 2);
    if (!get(f, 0, DEC_BIGNUMERIC, &d) ||
        dec_round(&d, scale, DEC_BIGNUMERIC, DEC_ROUND))
        return;
    n = dec_format(out, &d, DEC_BIGNUMERIC);
    if ((int64_t)strcspn(out, ".") - d.neg > precision - scale &&
        strcspn(out + d.neg, ".") > 0 && out[d.neg] != '0')
        fn_fail(f, "%s%.*s%s%s is out of range of NUMERIC(%lld, %lld)",
                column.len ? "Field " : "", STR_ARG(column),
                column.len ? ": " : "", out, (long long)precision,
                (long long)scale);
    else
        fn_set_str(f, str_of(out, n));
}

/* --- PARSE_NUMERIC: spaces around the sign, which may stand behind, and commas
 * in the whole part ------------------------------------------------------- */

static size_t blanks(struct str s, size_t i)
{
    while (i < s.len && strchr(" \t\n\v\f\r", s.p[i]) && s.p[i])
        i++;
    return i;
}

static bool sign_at(struct str s, size_t i)
{
    return i < s.len && (s.p[i] == '+' || s.p[i] == '-');
}

/* The number without sign into `out`; where it ends. */
static size_t plain_number(struct str s, size_t i, struct buf *out)
{
    bool whole = true, power = false;

    for (; i < s.len; i++) {
        char c = s.p[i];

        if (c == ',' && whole)
            continue;
        if (c == '.' && whole)
            whole = false;
        else if ((c == 'e' || c == 'E') && !power)
            power = true, whole = false;
        else if (!(c >= '0' && c <= '9') &&
                 !(sign_at(s, i) && strchr("eE", s.p[i - 1])))
            break;
        buf_putc(out, c);
    }
    return i;
}

static void parse_decimal(struct fn *f, int scale)
{
    struct str s = fn_str(f, 0);
    size_t i = blanks(s, 0);
    bool sign = sign_at(s, i), minus = sign && s.p[i] == '-';
    char shown[DEC_TEXT_MAX];
    struct buf text;
    struct dec d;

    fn_buf(&text);
    i = blanks(s, i + sign);
    i = blanks(s, plain_number(s, i, &text));
    if (!sign && sign_at(s, i)) {
        minus = s.p[i] == '-';
        i = blanks(s, i + 1);
    }
    if (i < s.len || dec_parse(&d, buf_as_str(&text), scale) != DEC_OK) {
        fn_fail(f, "Invalid %s value: %.*s",
                scale == DEC_NUMERIC ? "NUMERIC" : "BIGNUMERIC", STR_ARG(s));
    } else {
        d.neg = minus && !dec_is_zero(&d);
        fn_set_str(f, str_of(shown, dec_format(shown, &d, scale)));
    }
    buf_fini(&text);
}

void rt_parse_numeric(struct fn *f)
{
    parse_decimal(f, DEC_NUMERIC);
}

void rt_parse_bignumeric(struct fn *f)
{
    parse_decimal(f, DEC_BIGNUMERIC);
}
