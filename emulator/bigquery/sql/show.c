/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/show.h"

#include <math.h>
#include <stdio.h>

#include "common/base64.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/interval.h"
#include "emulator/bigquery/sql/real_text.h"

enum {
    SAFE_INT_BITS = 53
};

static double real_of(const struct value *v)
{
    return v->kind == FN_TEXT ? NAN : v->kind == FN_INT ? (double)v->i : v->d;
}

/* Seconds with six digits behind the point, in Java's form of a double. */
static void put_float_seconds(struct buf *out, int64_t us)
{
    char text[40];

    buf_append(out, text, real_to_rest(text, (double)us / 1e6));
}

static size_t iso_timestamp(char *out, int64_t us)
{
    size_t n = civil_format_datetime(out, us, 'T');

    if (n > 7 && out[n - 7] == '.' && !strcmp(out + n - 3, "000"))
        n -= 3;
    out[n++] = 'Z';
    out[n] = '\0';
    return n;
}

static void rest_scalar(struct buf *out, const struct sql_type *t,
                        const struct value *v, enum sql_ts_format ts)
{
    char text[CIVIL_TEXT_MAX];
    size_t n = 0;

    buf_putc(out, '"');
    switch (t->kind) {
    case T_BOOL:
        buf_puts(out, v->i ? "true" : "false");
        break;
    case T_FLOAT64:
        n = real_to_rest(text, real_of(v));
        break;
    case T_BYTES:
        base64_append(out, v->s);
        break;
    case T_DATE:
        n = civil_format_date(text, v->i);
        break;
    case T_TIME:
        n = civil_format_time(text, v->i);
        break;
    case T_DATETIME:
        n = civil_format_datetime(text, v->i, 'T');
        break;
    case T_TIMESTAMP:
        if (ts == SQL_TS_FLOAT)
            put_float_seconds(out, v->i);
        else if (ts == SQL_TS_INT64)
            buf_i64(out, v->i);
        else
            n = iso_timestamp(text, v->i);
        break;
    case T_NUMERIC:
    case T_BIGNUMERIC:
    case T_INTERVAL:
        buf_str(out, v->s);
        break;
    default:
        buf_i64(out, v->i);
    }
    buf_append(out, text, n);
    buf_putc(out, '"');
}

/* A STRUCT's members or an ARRAY's elements. */
static void rest_nested(struct buf *out, const struct sql_type *t,
                        const struct pick *p, struct str encoded,
                        enum sql_ts_format ts)
{
    bool is_struct = t->kind == T_STRUCT;
    struct buf scratch;
    struct elems e;
    struct value v;
    size_t i = 0, n = 0;

    fn_buf(&scratch);
    elems_init(&e, encoded);
    buf_puts(out, is_struct ? "{\"f\":[" : "[");
    for (; (!is_struct || i < t->n_fields) && elems_next(&e, &v, &scratch);
         i++) {
        const struct pick *of = p && is_struct ? p->fields[i] : p;

        if (p && !of)
            continue;
        buf_puts(out, n++ ? ",{\"v\":" : "{\"v\":");
        show_picked(out, is_struct ? t->fields[i].type : t->elem, of, &v, ts);
        buf_putc(out, '}');
    }
    buf_puts(out, is_struct ? "]}" : "]");
    buf_fini(&scratch);
}

void show_picked(struct buf *out, const struct sql_type *t,
                 const struct pick *p, const struct value *v,
                 enum sql_ts_format ts)
{
    if (p && p->whole)
        p = NULL;
    if (t->kind == T_ARRAY) /* NULL arrays are empty in results */
        rest_nested(out, t, p, v->kind == FN_NULL ? STR("[]") : v->s, ts);
    else if (v->kind == FN_NULL)
        buf_puts(out, "null");
    else if (t->kind == T_STRUCT)
        rest_nested(out, t, p, v->s, ts);
    else if (t->kind == T_STRING || t->kind == T_JSON)
        buf_json_str(out, v->s);
    else
        rest_scalar(out, t, v, ts);
}

void show_rest(struct buf *out, const struct sql_type *t, const struct value *v,
               enum sql_ts_format ts)
{
    show_picked(out, t, NULL, v, ts);
}

static void json_nested(struct buf *out, const struct sql_type *t,
                        struct str encoded, enum show_mode mode)
{
    bool is_struct = t->kind == T_STRUCT;
    struct buf scratch;
    struct elems e;
    struct value v;
    size_t i = 0, n = 0;

    fn_buf(&scratch);
    elems_init(&e, encoded);
    buf_putc(out, is_struct ? '{' : '[');
    for (; (!is_struct || i < t->n_fields) && elems_next(&e, &v, &scratch);
         i++) {
        if (is_struct && mode == SHOW_EXPORT && v.kind == FN_NULL)
            continue;
        if (n++)
            buf_putc(out, ',');
        if (is_struct) {
            buf_json_str(out, t->fields[i].name);
            buf_putc(out, ':');
        }
        show_json(out, is_struct ? t->fields[i].type : t->elem, &v, mode);
    }
    buf_putc(out, is_struct ? '}' : ']');
    buf_fini(&scratch);
}

static bool is_safe_int(int64_t v)
{
    return v >= -(1LL << SAFE_INT_BITS) && v <= 1LL << SAFE_INT_BITS;
}

static void json_real(struct buf *out, double v)
{
    char text[40];

    if (isnan(v) || isinf(v))
        buf_puts(out, isnan(v) ? "\"NaN\""
                      : v > 0  ? "\"Infinity\""
                               : "\"-Infinity\"");
    else
        buf_append(out, text, real_to_text(text, v));
}

static void json_decimal(struct buf *out, struct str s, enum show_mode mode)
{
    int64_t whole;
    bool bare =
        mode == SHOW_JSON ||
        (mode == SHOW_STRING && str_to_i64(s, &whole) && is_safe_int(whole));

    buf_puts(out, bare ? "" : "\"");
    buf_str(out, s);
    buf_puts(out, bare ? "" : "\"");
}

static void export_timestamp(struct buf *out, int64_t us)
{
    char text[CIVIL_TEXT_MAX];

    buf_putc(out, '"');
    buf_append(out, text, civil_format_datetime(text, us, ' '));
    buf_puts(out, " UTC\"");
}

static void json_interval(struct buf *out, struct str s)
{
    char text[INTERVAL_TEXT_MAX];
    struct interval v;

    buf_putc(out, '"');
    if (interval_parse(s, &v))
        buf_append(out, text, interval_format_iso(text, &v));
    buf_putc(out, '"');
}

void show_json(struct buf *out, const struct sql_type *t, const struct value *v,
               enum show_mode mode)
{
    bool bare;

    if (v->kind == FN_NULL) {
        buf_puts(out, "null");
        return;
    }
    switch (t->kind) {
    case T_ARRAY:
    case T_STRUCT:
        json_nested(out, t, v->s, mode);
        break;
    case T_JSON:
        buf_str(out, v->s);
        break;
    case T_STRING:
        buf_json_str(out, v->s);
        break;
    case T_BOOL:
        buf_puts(out, v->i ? "true" : "false");
        break;
    case T_FLOAT64:
        json_real(out, real_of(v));
        break;
    case T_NUMERIC:
    case T_BIGNUMERIC:
        json_decimal(out, v->s, mode);
        break;
    case T_INT64:
    case T_NULLTYPE:
        bare = mode == SHOW_JSON || (mode == SHOW_STRING && is_safe_int(v->i));
        buf_puts(out, bare ? "" : "\"");
        buf_i64(out, v->i);
        buf_puts(out, bare ? "" : "\"");
        break;
    case T_INTERVAL:
        json_interval(out, v->s);
        break;
    case T_TIMESTAMP:
        if (mode == SHOW_EXPORT)
            export_timestamp(out, v->i);
        else
            rest_scalar(out, t, v, SQL_TS_ISO8601);
        break;
    default:
        rest_scalar(out, t, v, SQL_TS_ISO8601);
    }
}

/* `quote` 0: none. Bytes above 127 are no text where they are BYTES. */
static void escaped(struct buf *out, struct str s, unsigned char quote,
                    bool bytes)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((quote && c == quote) || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c < 32 || c == 127 || (bytes && c > 127))
            buf_printf(out, "\\x%02x", c);
        else
            buf_putc(out, (char)c);
    }
}

static void literal_string(struct buf *out, struct str s, const char *prefix,
                           bool bytes)
{
    bool single = s.len && !memchr(s.p, '\'', s.len) && memchr(s.p, '"', s.len);
    char quote = single ? '\'' : '"';

    buf_puts(out, prefix);
    buf_putc(out, quote);
    escaped(out, s, (unsigned char)quote, bytes);
    buf_putc(out, quote);
}

static void text_nested(struct buf *out, const struct sql_type *t,
                        struct str encoded, const struct tz *zone, bool literal)
{
    bool is_struct = t->kind == T_STRUCT;
    struct buf scratch;
    struct elems e;
    struct value v;
    size_t i = 0;

    fn_buf(&scratch);
    elems_init(&e, encoded);
    /* "(1)" would be no STRUCT but 1 */
    buf_puts(out, !is_struct                   ? "["
                  : literal && t->n_fields < 2 ? "STRUCT("
                                               : "(");
    for (; (!is_struct || i < t->n_fields) && elems_next(&e, &v, &scratch);
         i++) {
        if (i)
            buf_puts(out, ", ");
        show_text(out, is_struct ? t->fields[i].type : t->elem, &v, zone,
                  literal);
    }
    buf_putc(out, is_struct ? ')' : ']');
    buf_fini(&scratch);
}

static void text_real(struct buf *out, double v, bool literal)
{
    char text[40];
    size_t n = real_to_text(text, v);

    if (literal && !isfinite(v)) {
        buf_printf(out, "CAST(\"%s\" AS FLOAT64)", text);
        return;
    }
    buf_append(out, text, n);
    if (isfinite(v) && !strpbrk(text, ".e"))
        buf_puts(out, ".0");
}

static void text_scalar(struct buf *out, const struct sql_type *t,
                        const struct value *v, const struct tz *zone,
                        bool literal)
{
    static const char *const names[T_N] = {
        [T_DATE] = "DATE ",         [T_TIME] = "TIME ",
        [T_DATETIME] = "DATETIME ", [T_TIMESTAMP] = "TIMESTAMP ",
        [T_NUMERIC] = "NUMERIC ",   [T_BIGNUMERIC] = "BIGNUMERIC ",
        [T_INTERVAL] = "INTERVAL "};
    char text[CIVIL_TEXT_MAX];
    size_t n = 0;

    if (literal && names[t->kind])
        buf_printf(out, "%s\"", names[t->kind]);
    switch (t->kind) {
    case T_BOOL:
        buf_puts(out, v->i ? "true" : "false");
        break;
    case T_DATE:
        n = civil_format_date(text, v->i);
        break;
    case T_TIME:
        n = civil_format_time(text, v->i);
        break;
    case T_DATETIME:
        n = civil_format_datetime(text, v->i, ' ');
        break;
    case T_TIMESTAMP:
        n = civil_format_timestamp(text, v->i, zone);
        break;
    case T_INT64:
    case T_NULLTYPE:
        buf_i64(out, v->i);
        break;
    default:
        buf_str(out, v->s);
    }
    buf_append(out, text, n);
    if (literal && names[t->kind])
        buf_putc(out, '"');
    if (literal && t->kind == T_INTERVAL)
        buf_puts(out, " YEAR TO SECOND");
}

void show_text(struct buf *out, const struct sql_type *t, const struct value *v,
               const struct tz *zone, bool literal)
{
    if (v->kind == FN_NULL)
        buf_puts(out, "NULL");
    else if (t->kind == T_ARRAY || t->kind == T_STRUCT)
        text_nested(out, t, v->s, zone, literal);
    else if (t->kind == T_FLOAT64)
        text_real(out, real_of(v), literal);
    else if (t->kind == T_BYTES && !literal)
        escaped(out, v->s, 0, true);
    else if (literal &&
             (t->kind == T_STRING || t->kind == T_BYTES || t->kind == T_JSON))
        literal_string(out, v->s,
                       t->kind == T_BYTES  ? "b"
                       : t->kind == T_JSON ? "JSON "
                                           : "",
                       t->kind == T_BYTES);
    else
        text_scalar(out, t, v, zone, literal);
}

static const struct sql_type *read_type(struct arena *mem, const char **p,
                                        const char *end)
{
    static const char letters[] = {
#define SQLTYPE(name, letter, legacy, sqlite) letter,
#include "emulator/bigquery/sql/type.def"
#undef SQLTYPE
    };
    struct sql_field fields[128];
    struct sql_field *copy;
    size_t n = 0;
    char c = *p < end ? *(*p)++ : '0';

    if (c == '[')
        return type_array(mem, read_type(mem, p, end));
    if (c != '{') {
        for (size_t i = 0; i < sizeof(letters); i++) {
            if (letters[i] == c)
                return type_scalar((enum sql_type_kind)i);
        }
        return type_scalar(T_NULLTYPE);
    }
    while (*p < end && **p == '"' && n < 128) {
        char *name = arena_alloc(mem, (size_t)(end - *p));
        size_t len = 0;
        for (++*p; *p < end && **p != '"'; ++*p) {
            if (**p == '\\')
                ++*p;
            name[len++] = **p;
        }
        *p += 2; /* quote and colon */
        fields[n].name = str_of(name, len);
        fields[n++].type = read_type(mem, p, end);
        ++*p; /* comma */
    }
    ++*p;
    copy = ARENA_ARRAY(mem, struct sql_field, n);
    memcpy(copy, fields, n * sizeof(*copy));
    return type_struct(mem, copy, n);
}

const struct sql_type *type_from_descriptor(struct arena *mem, struct str d)
{
    const char *p = d.p;
    return read_type(mem, &p, d.p + d.len);
}
