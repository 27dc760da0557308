/* SPDX-License-Identifier: Apache-2.0 */
/* Values by type: paths, containers, strings and numbers. The texts of dates
 * and decimals are in value_text.c. */
#include "schema/value_check.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "schema/value_text.h"

static void path_append(struct value_path *p, struct str s)
{
    /* a name may come from the sender: cut at a character */
    s = json_cut_utf8(s, sizeof(p->text) - 1 - p->len);
    memcpy(p->text + p->len, s.p, s.len);
    p->len += s.len;
}

size_t value_path_push(struct value_path *p, struct str name)
{
    size_t was = p->len;

    if (was)
        path_append(p, STR("."));
    if (name.len)
        path_append(p, name);
    return was;
}

size_t value_path_index(struct value_path *p, size_t index)
{
    size_t was = p->len;
    char text[24];
    int n = snprintf(text, sizeof(text), "[%zu]", index);

    path_append(p, str_of(text, (size_t)n));
    return was;
}

void value_path_pop(struct value_path *p, size_t len)
{
    p->len = len;
}

/* NULL: no room, or this field is refused already. */
static struct reject *next_refusal(struct value_check *c)
{
    struct reject *why = &c->why[c->n_why];

    if (c->n_why == c->max_why ||
        (c->n_why &&
         str_eq(str_from(why[-1].field), str_of(c->path.text, c->path.len))))
        return NULL;
    c->n_why++;
    why->kind = REJECT_SCHEMA;
    memcpy(why->field, c->path.text, c->path.len);
    why->field[c->path.len] = '\0';
    return why;
}

void value_refuse(struct value_check *c, const char *fmt, ...)
{
    struct reject spare, *why = next_refusal(c);
    va_list ap;

    if (!why)
        why = &spare;
    va_start(ap, fmt);
    vsnprintf(why->reason, sizeof(why->reason), fmt, ap);
    va_end(ap);
}

static bool is_string(struct value_check *c, const struct json_token *t,
                      const char *want)
{
    if (t->kind != JSON_T_STRING) {
        value_refuse(c, "must be %s", want);
        return false;
    }
    if (t->has_nul) {
        value_refuse(c, "contains the character U+0000");
        return false;
    }
    return true;
}

bool value_check_string(struct value_check *c, const struct schema_field *f,
                        const struct json_token *t)
{
    size_t n = 0;

    if (!is_string(c, t, "a string"))
        return false;
    if (!f->max_length || t->text.len <= (size_t)f->max_length)
        return true;
    for (size_t i = 0; i < t->text.len; i++) {
        unsigned char b = (unsigned char)t->text.p[i];
        n += (b & 0xc0) != 0x80; /* characters, not bytes */
        if (b != '\\')
            continue;
        /* an escape is one character, a pair of surrogates too */
        if (t->text.p[++i] != 'u')
            continue;
        i += 4;
        if ((t->text.p[i - 3] | 0x20) == 'd' && t->text.p[i - 2] >= '8')
            i += 6;
    }
    if (n <= (size_t)f->max_length)
        return true;
    value_refuse(c, "is longer than %lld characters", (long long)f->max_length);
    return false;
}

bool value_check_integer(struct value_check *c, const struct json_token *t,
                         int64_t *out)
{
    char space[32];
    struct buf text = {
        .data = space, .cap = sizeof(space), .limit = sizeof(space) - 1};
    bool fine = false;

    if ((t->kind == JSON_T_NUMBER || t->kind == JSON_T_STRING) &&
        str_to_i64(t->text, out))
        return true;
    /* 1.0 and 1e3 are the same JSON numbers as 1 and 1000; 19 digits and a
     * sign fit, so the buffer never grows */
    if (t->kind == JSON_T_NUMBER)
        fine = !value_decimal(t->text, 19, 0, &text) &&
               str_to_i64(buf_as_str(&text), out);
    if (fine)
        return true;
    value_refuse(c, "must be an integer of 64 bits");
    return false;
}

bool value_check_timestamp(struct value_check *c, const struct json_token *t,
                           int64_t *out)
{
    const char *why = NULL;

    if (!is_string(c, t, "an RFC 3339 time in a string"))
        return false;
    if (t->escaped) {
        char text[64];
        if (t->text.len > sizeof(text)) {
            value_refuse(c, "is not an RFC 3339 time");
            return false;
        }
        if (timefmt_parse(str_of(text, json_decode(text, t->text)), out,
                          &why) == RC_OK)
            return true;
    } else if (timefmt_parse(t->text, out, &why) == RC_OK) {
        return true;
    }
    value_refuse(c, "%s", why);
    return false;
}

void value_put_double(struct buf *out, double d)
{
    char text[32];

    if (isnan(d)) {
        buf_puts(out, "\"NaN\"");
        return;
    }
    if (isinf(d)) {
        buf_puts(out, d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    if (d == 0)
        d = 0; /* SQLite keeps no -0.0: one zero only */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    buf_puts(out, text);
}

static void put_float(struct value_check *c, const struct json_token *t,
                      struct buf *out)
{
    static const struct {
        const char *name;
        double value;
    } words[] = {{"NaN", NAN},
                 {"Infinity", INFINITY},
                 {"+Infinity", INFINITY},
                 {"-Infinity", -INFINITY},
                 {"inf", INFINITY},
                 {"+inf", INFINITY},
                 {"-inf", -INFINITY}};
    char text[512], *end;
    double d;

    if (t->kind != JSON_T_NUMBER && t->kind != JSON_T_STRING) {
        value_refuse(c, "must be a number");
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (t->kind == JSON_T_STRING &&
            str_ieq(t->text, str_from(words[i].name))) {
            value_put_double(out, words[i].value);
            return;
        }
    }
    if (t->text.len == 0 || t->text.len >= sizeof(text)) {
        value_refuse(c, "must be a number");
        return;
    }
    memcpy(text, t->text.p, t->text.len);
    text[t->text.len] = '\0';
    d = strtod(text, &end);
    /* strtod alone would take blanks, hexadecimal and words */
    if (strspn(text, "+-.0123456789eE") < t->text.len || *end || isinf(d)) {
        value_refuse(c, "must be a number that fits 64 bits");
        return;
    }
    value_put_double(out, d);
}

static void put_bytes(struct value_check *c, const struct schema_field *f,
                      const struct json_token *t, struct buf *out)
{
    size_t len = 0;
    char *raw, *bytes;

    if (!is_string(c, t, "base64 in a string"))
        return;
    raw = mem_try_alloc(t->text.len + base64_decoded_max(t->text.len) +
                        base64_encoded_max(t->text.len) + 3);
    if (!raw) {
        out->failed = true;
        return;
    }
    len = json_decode(raw, t->text);
    bytes = raw + t->text.len;
    if (!base64_decode(str_of(raw, len), bytes, &len)) {
        value_refuse(c, "is not base64");
    } else if (f->max_length && len > (size_t)f->max_length) {
        value_refuse(c, "is longer than %lld bytes", (long long)f->max_length);
    } else {
        char *text = bytes + base64_decoded_max(t->text.len);
        buf_json_str(out, str_of(text, base64_encode(text, bytes, len)));
    }
    mem_free(raw);
}

/* Types whose text has a form of its own. */
static void put_text_type(struct value_check *c, const struct schema_field *f,
                          const struct json_token *t, struct buf *out)
{
    const char *why;
    char text[160];
    size_t len;

    if (t->kind != JSON_T_STRING &&
        !(t->kind == JSON_T_NUMBER &&
          (f->type == SCHEMA_NUMERIC || f->type == SCHEMA_BIGNUMERIC))) {
        value_refuse(c, "must be a string");
        return;
    }
    if (t->text.len > sizeof(text) || t->has_nul) {
        value_refuse(c, "is no %s", schema_type_name(f->type));
        return;
    }
    len = json_decode(text, t->text);
    buf_putc(out, '"');
    why = value_text(f, str_of(text, len), out);
    buf_putc(out, '"');
    if (why)
        value_refuse(c, "%s", why);
}

static bool put_record(struct value_check *c, const struct schema_field *f,
                       const struct json_token *t, struct buf *out)
{
    size_t n = f->n_fields;
    struct buf *parts;
    bool *seen;
    struct json_token in;
    bool fine = true;

    if (t->kind != JSON_T_OBJECT) {
        struct str whole;
        value_refuse(c, "must be an object");
        return json_scan_skip(c->scan, t, &whole);
    }
    parts = MEM_ARRAY(struct buf, n);
    seen = MEM_ARRAY(bool, n);
    for (size_t i = 0; i < n; i++)
        buf_init(&parts[i], ROW_MAX_BYTES * 2);
    while (fine && json_scan_next(c->scan, &in) == JSON_T_KEY) {
        char name[304];
        bool fits = in.text.len < sizeof(name);
        size_t was;
        int i = fits ? schema_find(f->fields, n,
                                   str_of(name, json_decode(name, in.text)))
                     : -1;
        was = value_path_push(&c->path,
                              i < 0 ? str_of(in.text.p, fits ? in.text.len : 0)
                                    : f->fields[i].name);
        json_scan_next(c->scan, &in);
        if (i < 0 || seen[i]) {
            struct str whole;
            value_refuse(c, i < 0 ? "is no column of the table"
                                  : "is given twice (case does not count)");
            fine =
                in.kind != JSON_T_ERROR && json_scan_skip(c->scan, &in, &whole);
        } else {
            seen[i] = true;
            fine = in.kind != JSON_T_ERROR &&
                   value_check_put(c, &f->fields[i], &in, &parts[i]);
        }
        value_path_pop(&c->path, was);
    }
    fine = fine && in.kind != JSON_T_ERROR;
    buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        const struct schema_field *g = &f->fields[i];
        if (!seen[i] && g->mode == SCHEMA_REQUIRED) {
            size_t was = value_path_push(&c->path, g->name);
            value_refuse(c, "is required");
            value_path_pop(&c->path, was);
        }
        if (i)
            buf_putc(out, ',');
        buf_json_str(out, g->name);
        buf_putc(out, ':');
        if (parts[i].failed)
            out->failed = true;
        if (seen[i])
            buf_str(out, buf_as_str(&parts[i]));
        else
            buf_puts(out, g->mode == SCHEMA_REPEATED ? "[]" : "null");
        buf_fini(&parts[i]);
    }
    buf_putc(out, '}');
    mem_free(parts);
    mem_free(seen);
    return fine;
}

static bool put_one(struct value_check *c, const struct schema_field *f,
                    const struct json_token *t, struct buf *out);

/* A key or a string anywhere in a well-formed value. */
static bool holds_nul(struct str value)
{
    struct json_scan s;
    struct json_token t;
    bool found = false;

    if (!memmem(value.p, value.len, "\\u0000", 6))
        return false;
    json_scan_init(&s, value);
    while (!found && json_scan_next(&s, &t) > JSON_T_DONE)
        found = (t.kind == JSON_T_KEY || t.kind == JSON_T_STRING) && t.has_nul;
    json_scan_fini(&s);
    return found;
}

static bool put_repeated(struct value_check *c, const struct schema_field *f,
                         const struct json_token *t, struct buf *out)
{
    struct json_token in;
    size_t i = 0;

    if (t->kind != JSON_T_ARRAY) {
        struct str whole;
        value_refuse(c, "must be an array");
        return json_scan_skip(c->scan, t, &whole);
    }
    buf_putc(out, '[');
    for (; json_scan_next(c->scan, &in) != JSON_T_ARRAY_END; i++) {
        size_t was;
        bool fine;
        if (in.kind == JSON_T_ERROR)
            return false;
        was = value_path_index(&c->path, i);
        if (i)
            buf_putc(out, ',');
        if (in.kind == JSON_T_NULL)
            value_refuse(c, "must not be null inside an array");
        fine = put_one(c, f, &in, out);
        value_path_pop(&c->path, was);
        if (!fine)
            return false;
    }
    buf_putc(out, ']');
    return true;
}

/* A value that is not null, mode aside. */
static bool put_one(struct value_check *c, const struct schema_field *f,
                    const struct json_token *t, struct buf *out)
{
    char time[TIMEFMT_MAX];
    struct str whole;
    int64_t i;

    if (f->type == SCHEMA_RECORD)
        return put_record(c, f, t, out);
    if (!json_scan_skip(c->scan, t, &whole))
        return false;
    switch (f->type) {
    case SCHEMA_STRING:
        if (value_check_string(c, f, t))
            json_put_text(out, t);
        break;
    case SCHEMA_INTEGER:
        if (value_check_integer(c, t, &i))
            buf_i64(out, i);
        break;
    case SCHEMA_BOOLEAN:
        if (t->kind == JSON_T_TRUE || t->kind == JSON_T_FALSE)
            buf_puts(out, t->kind == JSON_T_TRUE ? "true" : "false");
        else
            value_refuse(c, "must be true or false");
        break;
    case SCHEMA_TIMESTAMP:
        if (value_check_timestamp(c, t, &i)) {
            timefmt_format(time, i);
            buf_printf(out, "\"%s\"", time);
        }
        break;
    case SCHEMA_FLOAT:
        put_float(c, t, out);
        break;
    case SCHEMA_BYTES:
        put_bytes(c, f, t, out);
        break;
    case SCHEMA_JSON:
        if (holds_nul(whole))
            value_refuse(c, "contains the character U+0000");
        else
            json_put_compact(out, whole);
        break;
    default:
        put_text_type(c, f, t, out);
        break;
    }
    return true;
}

bool value_check_put(struct value_check *c, const struct schema_field *f,
                     const struct json_token *t, struct buf *out)
{
    if (t->kind == JSON_T_NULL) {
        if (f->mode != SCHEMA_NULLABLE)
            value_refuse(c, "must not be null");
        buf_puts(out, "null");
        return true;
    }
    return f->mode == SCHEMA_REPEATED ? put_repeated(c, f, t, out)
                                      : put_one(c, f, t, out);
}
