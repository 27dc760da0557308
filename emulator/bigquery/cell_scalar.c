/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and numbers as values of scalar columns. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "emulator/bigquery/cell.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "emulator/bigquery/sql/tz.h"

enum {
    WHY_MAX = 400,
    SHOWN = 80 /* bytes of a refused value that are quoted */
};

__attribute__((format(printf, 2, 3))) static const char *
say(char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, WHY_MAX, fmt, ap);
    va_end(ap);
    return why;
}

static const char *bad(char *why, const char *what, struct str text)
{
    struct str shown = json_cut_utf8(text, SHOWN);

    return say(why, "Cannot convert value to %s (bad value): %.*s", what,
               STR_ARG(shown));
}

static bool to_double(struct str text, double *out)
{
    char copy[64], *end;

    if (!text.len || text.len >= sizeof(copy) || text.p[0] == ' ' ||
        memchr(text.p, 'x', text.len) || memchr(text.p, 'X', text.len))
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0';
}

static int64_t characters(struct str s)
{
    int64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static const char *read_string(const struct sql_column *c, struct str text,
                               struct cell *out, char *why)
{
    out->kind = CELL_TEXT;
    out->s = text;
    if (c->max_length && (int64_t)text.len > c->max_length &&
        characters(text) > c->max_length)
        return say(why,
                   "Field %.*s: STRING(%lld) has maximum length %lld but got a "
                   "value with length %lld",
                   STR_ARG(c->name), (long long)c->max_length,
                   (long long)c->max_length, (long long)characters(text));
    return NULL;
}

static const char *read_bytes(const struct sql_column *c, struct str text,
                              struct cell_mem *mem, struct cell *out, char *why)
{
    char *p = cell_mem_take(mem, base64_decoded_max(text.len) + 1);
    size_t len;

    if (!p)
        return say(why, "Out of memory");
    if (!base64_decode(text, p, &len))
        return say(why, "Could not decode base64 string to bytes.");
    out->kind = CELL_BLOB;
    out->s = str_of(p, len);
    if (c->max_length && (int64_t)len > c->max_length)
        return say(why,
                   "Field %.*s: BYTES(%lld) has maximum length %lld but got a "
                   "value with length %zu",
                   STR_ARG(c->name), (long long)c->max_length,
                   (long long)c->max_length, len);
    return NULL;
}

/* Whole numbers also as 1.0 and 1e3. */
static const char *read_integer(struct str text, struct cell *out, char *why)
{
    double d;

    out->kind = CELL_INT;
    if (str_to_i64(text, &out->i))
        return NULL;
    if (text.len > 1 && text.p[0] == '+' &&
        str_to_i64(str_of(text.p + 1, text.len - 1), &out->i))
        return NULL;
    if (!to_double(text, &d) || d != floor(d) || d < -9.2e18 || d > 9.2e18)
        return bad(why, "integer", text);
    out->i = (int64_t)d;
    return NULL;
}

static const char *read_float(struct str text, struct cell *out, char *why)
{
    out->kind = CELL_REAL;
    if (!to_double(text, &out->d))
        return bad(why, "double", text);
    if (isnan(out->d)) { /* SQLite has none: see sql/README.md */
        out->kind = CELL_TEXT;
        out->s = STR("NaN");
    }
    return NULL;
}

static const char *read_bool(struct str text, struct cell *out, char *why)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1"};
    static const char *const no[] = {"false", "f", "no", "n", "0"};

    out->kind = CELL_INT;
    for (size_t i = 0; i < 5; i++) {
        if (str_ieq(text, str_from(yes[i])) || str_ieq(text, str_from(no[i]))) {
            out->i = str_ieq(text, str_from(yes[i]));
            return NULL;
        }
    }
    return bad(why, "boolean", text);
}

/* A TIMESTAMP may also be a number: seconds since 1970. */
static bool read_seconds(struct str text, int64_t *us)
{
    struct dec d;
    char out[DEC_TEXT_MAX];
    size_t n, fraction = 0;

    if (dec_parse(&d, text, DEC_NUMERIC) != DEC_OK ||
        dec_round(&d, 6, DEC_NUMERIC, DEC_ROUND) != DEC_OK)
        return false;
    n = dec_format(out, &d, DEC_NUMERIC);
    /* the point goes: "12.5" is 12500000 microseconds */
    for (size_t i = 0; i < n; i++) {
        if (out[i] != '.')
            continue;
        fraction = n - i - 1;
        memmove(out + i, out + i + 1, fraction);
        n--;
        break;
    }
    for (; fraction < 6 && n < DEC_TEXT_MAX; fraction++)
        out[n++] = '0';
    return str_to_i64(str_of(out, n), us) && *us >= CIVIL_MIN_US &&
           *us <= CIVIL_MAX_US;
}

/* UTC however it is written needs no zone; the rest knows its zones for this
 * one text, which is rare enough. */
static bool read_timestamp(struct str text, int64_t *us)
{
    struct tz_set zones = {.list = NULL};
    bool ok;

    if (text.len > 4 && str_ieq(str_of(text.p + text.len - 4, 4), STR(" UTC")))
        text.len -= 4;
    else if (str_ends(text, STR("+00:00")))
        text.len -= 6;
    ok =
        civil_parse_timestamp(text, NULL, &zones, us) || read_seconds(text, us);
    tz_set_fini(&zones);
    return ok;
}

static const char *read_time(const struct sql_column *c, struct str text,
                             struct cell *out, char *why)
{
    bool ok = false;

    out->kind = CELL_INT;
    switch (c->type->kind) {
    case T_DATE:
        ok = civil_parse_date(text, &out->i);
        if (!ok)
            return say(why, "Invalid date: '%.*s'",
                       STR_ARG(json_cut_utf8(text, SHOWN)));
        break;
    case T_TIME:
        ok = civil_parse_time(text, &out->i);
        if (!ok)
            return say(why, "Invalid time string \"%.*s\"",
                       STR_ARG(json_cut_utf8(text, SHOWN)));
        break;
    case T_DATETIME:
        if (text.len && (text.p[text.len - 1] | 0x20) == 'z')
            text.len--;
        ok = civil_parse_datetime(text, &out->i);
        if (!ok)
            return say(why, "Invalid datetime string \"%.*s\"",
                       STR_ARG(json_cut_utf8(text, SHOWN)));
        break;
    default:
        ok = read_timestamp(text, &out->i);
        if (!ok)
            return say(why,
                       "Could not parse '%.*s' as a timestamp. Required "
                       "format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or "
                       "YYYY/MM/DD HH:MM[:SS[.SSSSSS]]",
                       STR_ARG(json_cut_utf8(text, SHOWN)));
    }
    return NULL;
}

static const char *read_decimal(const struct sql_column *c, struct str text,
                                struct cell_mem *mem, struct cell *out,
                                char *why)
{
    bool big = c->type->kind == T_BIGNUMERIC;
    int scale = big ? DEC_BIGNUMERIC : DEC_NUMERIC;
    struct dec d;
    char *p = cell_mem_take(mem, DEC_TEXT_MAX);

    if (!p)
        return say(why, "Out of memory");
    if (dec_parse(&d, text, scale) != DEC_OK ||
        (c->precision && dec_round(&d, c->scale, scale, DEC_ROUND) != DEC_OK))
        return say(why, "Invalid %s value: %.*s",
                   big ? "BIGNUMERIC" : "NUMERIC",
                   STR_ARG(json_cut_utf8(text, SHOWN)));
    out->kind = CELL_TEXT;
    out->s = str_of(p, dec_format(p, &d, scale));
    if (c->precision) {
        const char *point = memchr(p, '.', out->s.len);
        size_t whole = point ? (size_t)(point - p) : out->s.len;

        whole -= d.neg;
        if (whole > (size_t)(c->precision - c->scale) &&
            !(whole == 1 && p[d.neg] == '0'))
            return say(why,
                       "Field %.*s: %s(%d, %d) has precision %d and scale "
                       "%d but got a value that is not in range",
                       STR_ARG(c->name), big ? "BIGNUMERIC" : "NUMERIC",
                       c->precision, c->scale, c->precision, c->scale);
    }
    return NULL;
}

/* A text that holds JSON. */
static const char *read_json(struct str text, struct cell_mem *mem,
                             struct buf *scratch, struct cell *out, char *why)
{
    struct str number;
    const char *reason;
    size_t at;
    char *p;

    if (json_check_same_keys(text, &reason, &at))
        return say(why, "Invalid JSON: %s at byte %zu", reason, at);
    if (json_number_lost(text, &number))
        return say(why,
                   "Invalid JSON: Input number: %.*s cannot round-trip "
                   "through string representation",
                   (int)(number.len < 80 ? number.len : 80), number.p);
    buf_reset(scratch);
    json_normalize(text, scratch);
    p = scratch->failed ? NULL : cell_mem_take(mem, scratch->len + 1);
    if (!p)
        return say(why, "Out of memory");
    memcpy(p, scratch->data, scratch->len);
    out->kind = CELL_TEXT;
    out->s = str_of(p, scratch->len);
    return NULL;
}

const char *cell_from_text(const struct sql_column *c, struct str text,
                           struct cell_mem *mem, struct buf *scratch,
                           struct cell *out, char *why)
{
    switch (c->type->kind) {
    case T_STRING:
        return read_string(c, text, out, why);
    case T_BYTES:
        return read_bytes(c, text, mem, out, why);
    case T_INT64:
        return read_integer(text, out, why);
    case T_FLOAT64:
        return read_float(text, out, why);
    case T_BOOL:
        return read_bool(text, out, why);
    case T_DATE:
    case T_TIME:
    case T_DATETIME:
    case T_TIMESTAMP:
        return read_time(c, text, out, why);
    case T_NUMERIC:
    case T_BIGNUMERIC:
        return read_decimal(c, text, mem, out, why);
    case T_JSON:
        return read_json(text, mem, scratch, out, why);
    default:
        return say(why, "The emulator reads no values of type %s",
                   type_legacy_name(c->type->kind));
    }
}

const char *cell_from_number(const struct sql_column *c, struct str text,
                             struct cell_mem *mem, struct buf *scratch,
                             struct cell *out, char *why)
{
    switch (c->type->kind) {
    case T_DATE:
    case T_TIME:
    case T_DATETIME:
    case T_BYTES:
        return bad(why,
                   c->type->kind == T_BYTES      ? "bytes"
                   : c->type->kind == T_DATETIME ? "datetime"
                   : c->type->kind == T_DATE     ? "date"
                                                 : "time",
                   text);
    case T_TIMESTAMP:
        out->kind = CELL_INT;
        if (read_seconds(text, &out->i))
            return NULL;
        return bad(why, "timestamp", text);
    default:
        return cell_from_text(c, text, mem, scratch, out, why);
    }
}

int64_t cell_size(const struct sql_column *c, const struct cell *v)
{
    if (v->kind == CELL_NULL)
        return 0;
    switch (c->type->kind) {
    case T_BOOL:
        return 1;
    case T_NUMERIC:
        return 16;
    case T_BIGNUMERIC:
        return 32;
    case T_STRING:
    case T_BYTES:
    case T_JSON:
    case T_ARRAY:
    case T_STRUCT:
        return 2 + (int64_t)v->s.len;
    default:
        return 8;
    }
}

int cell_bind(sqlite3_stmt *s, int at, const struct cell *v)
{
    switch (v->kind) {
    case CELL_INT:
        return sqlite3_bind_int64(s, at, v->i);
    case CELL_REAL:
        return sqlite3_bind_double(s, at, v->d);
    case CELL_TEXT:
        return sqlite3_bind_text64(s, at, v->s.len ? v->s.p : "", v->s.len,
                                   SQLITE_STATIC, SQLITE_UTF8);
    case CELL_BLOB:
        return v->s.len
                   ? sqlite3_bind_blob64(s, at, v->s.p, v->s.len, SQLITE_STATIC)
                   : sqlite3_bind_zeroblob(s, at, 0);
    default:
        return sqlite3_bind_null(s, at);
    }
}
