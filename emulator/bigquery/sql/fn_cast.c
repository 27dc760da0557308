/* SPDX-License-Identifier: Apache-2.0 */
/* CAST: (value, from, to) by type letters; Conversion functions. */
#include <math.h>
#include <stdlib.h>

#include "common/json.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/interval.h"
#include "emulator/bigquery/sql/real_text.h"
#include "emulator/bigquery/sql/utf8.h"

static const char *long_name(char letter)
{
    switch (letter) {
    case 'B':
        return "BOOL";
    case 'I':
        return "INT64";
    case 'F':
        return "FLOAT64";
    case 'N':
        return "NUMERIC";
    case 'G':
        return "BIGNUMERIC";
    case 'D':
        return "DATE";
    case 'M':
        return "DATETIME";
    case 'C':
        return "TIME";
    case 'T':
        return "TIMESTAMP";
    default:
        return "STRING";
    }
}

static int scale_of(char letter)
{
    return letter == 'N' ? DEC_NUMERIC : DEC_BIGNUMERIC;
}

static void put_decimal(struct fn *f, enum dec_status rc, const struct dec *d,
                        char to)
{
    char out[DEC_TEXT_MAX];

    if (rc == DEC_OK)
        fn_set_str(f, str_of(out, dec_format(out, d, scale_of(to))));
    else if (rc == DEC_OVERFLOW && fn_kind(f, 0) == FN_REAL)
        fn_fail(f, "%s out of range: %g", to == 'N' ? "numeric" : "BIGNUMERIC",
                fn_real(f, 0));
    else if (rc == DEC_OVERFLOW)
        fn_fail(f, "%s out of range: %.*s",
                to == 'N' ? "numeric" : "BIGNUMERIC", STR_ARG(fn_str(f, 0)));
    else
        fn_fail(f, "Invalid %s value", long_name(to));
}

/* Decimal or 0x, blanks around it, a sign. */
static bool text_to_int(struct str s, int64_t *out)
{
    char text[80];
    bool neg = false;
    uint64_t v = 0;

    while (s.len && utf8_is_space((unsigned char)s.p[0]))
        s = str_of(s.p + 1, s.len - 1);
    while (s.len && utf8_is_space((unsigned char)s.p[s.len - 1]))
        s.len--;
    if (s.len && (s.p[0] == '-' || s.p[0] == '+')) {
        neg = s.p[0] == '-';
        s = str_of(s.p + 1, s.len - 1);
    }
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    if (s.len > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
        char *end;
        if (s.len > 18)
            return false;
        memcpy(text, s.p + 2, s.len - 2);
        text[s.len - 2] = '\0';
        v = strtoull(text, &end, 16);
        if (*end || text[0] == '-' || text[0] == '+')
            return false;
    } else {
        while (s.len > 1 && s.p[0] == '0')
            s = str_of(s.p + 1, s.len - 1);
        if (!str_to_u64(s, &v))
            return false;
    }
    if (v > (uint64_t)INT64_MAX + neg)
        return false;
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static bool text_to_real(struct str s, double *out)
{
    static const struct {
        const char *name;
        double v;
    } names[] = {{"inf", INFINITY},
                 {"+inf", INFINITY},
                 {"-inf", -INFINITY},
                 {"infinity", INFINITY},
                 {"+infinity", INFINITY},
                 {"-infinity", -INFINITY},
                 {"nan", NAN},
                 {"+nan", NAN},
                 {"-nan", NAN}};
    char text[400], *end;

    s = str_trim(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (str_ieq(s, str_from(names[i].name))) {
            *out = names[i].v;
            return true;
        }
    }
    if (s.len == 0 || s.len >= sizeof(text) ||
        (s.p[0] != '+' && s.p[0] != '-' && s.p[0] != '.' &&
         (s.p[0] < '0' || s.p[0] > '9')))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    if (strpbrk(text, "xXpPnN"))
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

static void from_text(struct fn *f, char to)
{
    struct str s = fn_str(f, 0);
    char out[INTERVAL_TEXT_MAX];
    bool ok = false;
    int64_t i = 0;
    struct interval v;
    struct dec d;
    double r = 0;

    switch (to) {
    case 'B':
        ok = str_ieq(s, STR("true")) || str_ieq(s, STR("false"));
        i = ok && s.len == 4;
        break;
    case 'I':
        ok = text_to_int(s, &i);
        break;
    case 'F':
        if (text_to_real(s, &r)) {
            fn_set_real(f, r);
            return;
        }
        break;
    case 'N':
    case 'G':
        if (dec_parse(&d, s, scale_of(to)) == DEC_OK) {
            put_decimal(f, DEC_OK, &d, to);
            return;
        }
        fn_fail(f, "Invalid %s value: %.*s", long_name(to), STR_ARG(s));
        return;
    case 'Y':
        fn_set_blob(f, s);
        return;
    case 'V':
        if (interval_parse(s, &v))
            fn_set_str(f, str_of(out, interval_format(out, &v)));
        else
            fn_fail(f, "Invalid INTERVAL value: '%.*s'", STR_ARG(s));
        return;
    case 'D':
        ok = civil_parse_date(s, &i);
        break;
    case 'C':
        ok = civil_parse_time(s, &i);
        break;
    case 'M':
        ok = civil_parse_datetime(s, &i);
        break;
    case 'T':
        ok = civil_parse_timestamp(s, NULL, fn_zones(f), &i);
        break;
    }
    if (ok)
        fn_set_int(f, i);
    else if (strchr("DCMT", to))
        fn_fail(f, "Invalid %s: '%.*s'",
                to == 'D'   ? "date"
                : to == 'C' ? "time string"
                : to == 'M' ? "datetime string"
                            : "timestamp",
                STR_ARG(s));
    else
        fn_fail(f, "Bad %s value: %.*s",
                to == 'F'   ? "double"
                : to == 'I' ? "int64"
                            : "bool",
                STR_ARG(s));
}

static void from_real(struct fn *f, char to)
{
    double v = fn_real(f, 0), r = round(v);
    char out[40];
    struct dec d;

    if (to == 'S') {
        fn_set_str(f, str_of(out, real_to_text(out, v)));
    } else if (to == 'I') {
        if (!(r >= -9223372036854775808.0 && r < 9223372036854775808.0)) {
            real_to_text(out, v);
            fn_fail(f,
                    "Illegal conversion of non-finite or out-of-range "
                    "floating point number to an integer: %s",
                    out);
            return;
        }
        fn_set_int(f, (int64_t)r);
    } else if (!isfinite(v)) {
        real_to_text(out, v);
        fn_fail(f,
                "Illegal conversion of non-finite floating point number to "
                "%s: %s",
                long_name(to), out);
    } else {
        enum dec_status rc = dec_from_double(&d, v, scale_of(to));
        put_decimal(f, rc, &d, to);
    }
}

static void from_decimal(struct fn *f, char from, char to)
{
    enum dec_status rc;
    struct dec d;
    int64_t i;

    if (dec_parse(&d, fn_str(f, 0), scale_of(from))) {
        fn_fail(f, "Invalid %s value", long_name(from));
        return;
    }
    if (to == 'S') {
        fn_set_arg(f, 0);
    } else if (to == 'F') {
        fn_set_real(f, dec_to_double(&d, scale_of(from)));
    } else if (to == 'I') {
        rc = dec_to_i64(&d, scale_of(from), &i);
        if (rc)
            fn_fail(f, "int64 out of range: %.*s", STR_ARG(fn_str(f, 0)));
        else
            fn_set_int(f, i);
    } else {
        rc = dec_parse(&d, fn_str(f, 0), scale_of(to));
        put_decimal(f, rc, &d, to);
    }
}

static void from_int(struct fn *f, char from, char to)
{
    int64_t v = fn_int(f, 0);
    char out[32];
    struct buf b;
    struct dec d;

    switch (to) {
    case 'S':
        if (from == 'B') {
            fn_set_str(f, v ? STR("true") : STR("false"));
            return;
        }
        buf_init(&b, sizeof(out));
        buf_i64(&b, v);
        fn_set_buf(f, &b);
        return;
    case 'B':
        fn_set_bool(f, v != 0);
        return;
    case 'N':
    case 'G':
        dec_from_i64(&d, v, scale_of(to));
        put_decimal(f, DEC_OK, &d, to);
        return;
    case 'F':
        fn_set_real(f, (double)v);
        return;
    default:
        fn_set_int(f, v);
    }
}

static void time_to_text(struct fn *f, char from, int64_t v)
{
    char out[CIVIL_TEXT_MAX];
    size_t n = from == 'D'   ? civil_format_date(out, v)
               : from == 'C' ? civil_format_time(out, v)
               : from == 'M' ? civil_format_datetime(out, v, ' ')
                             : civil_format_timestamp(out, v, tz_utc());
    fn_set_str(f, str_of(out, n));
}

static void from_time(struct fn *f, char from, char to)
{
    int64_t v = fn_int(f, 0), us = from == 'D' ? v * US_A_DAY : v;

    if (to == 'S')
        time_to_text(f, from, v);
    else if (to == 'D')
        fn_set_int(f, floor_div(us, US_A_DAY));
    else if (to == 'C')
        fn_set_int(f, us - floor_div(us, US_A_DAY) * US_A_DAY);
    else
        fn_set_int(f, us);
}

static void cast(struct fn *f, char from, char to)
{
    if (from == to || from == 'V') { /* an INTERVAL is kept as its text */
        fn_set_arg(f, 0);
    } else if (from == 'S') {
        from_text(f, to);
    } else if (from == 'F') {
        from_real(f, to);
    } else if (from == 'N' || from == 'G') {
        from_decimal(f, from, to);
    } else if (from == 'I' || from == 'B') {
        from_int(f, from, to);
    } else if (from == 'Y') {
        if (json_is_utf8(fn_str(f, 0)))
            fn_set_str(f, fn_str(f, 0));
        else
            fn_fail(f, "Invalid UTF-8 in cast from BYTES to STRING");
    } else {
        from_time(f, from, to);
    }
}

void rt_cast(struct fn *f)
{
    cast(f, fn_letter(f, 1), fn_letter(f, 2));
}
