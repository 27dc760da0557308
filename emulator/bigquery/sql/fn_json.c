/* SPDX-License-Identifier: Apache-2.0 */
/* JSON functions: values found by path, converted, made. */
#include <math.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "emulator/bigquery/sql/real_text.h"
#include "emulator/bigquery/sql/show.h"

/* False after a result was set: not there, JSON null aside, or a bad path. */
static bool find(struct fn *f, struct str *out)
{
    switch (json_find(fn_str(f, 0), fn_str(f, 1), out)) {
    case JSON_FOUND:
        return true;
    case JSON_BAD_PATH:
        if (!str_starts(fn_str(f, 1), STR("$")))
            fn_fail(f, "JSONPath must start with '$'");
        else
            fn_fail(f, "Invalid token in JSONPath at: %.*s",
                    STR_ARG(fn_str(f, 1)));
        return false;
    default:
        fn_null(f);
        return false;
    }
}

static void put_string(struct buf *out, struct str quoted)
{
    struct str raw = str_of(quoted.p + 1, quoted.len - 2);

    if (buf_reserve(out, raw.len)) {
        out->len += json_decode(out->data + out->len, raw);
        out->data[out->len] = '\0';
    }
}

static void set_scalar(struct fn *f, struct str v)
{
    struct buf out;

    if (v.p[0] == '"') {
        fn_buf(&out);
        put_string(&out, v);
        fn_set_buf(f, &out);
    } else if (v.p[0] == '{' || v.p[0] == '[' || v.p[0] == 'n') {
        fn_null(f);
    } else {
        fn_set_str(f, v);
    }
}

void rt_json_value(struct fn *f)
{
    struct str v;

    if (find(f, &v))
        set_scalar(f, v);
}

void rt_json_query(struct fn *f)
{
    struct buf out;
    struct str v;

    if (!find(f, &v))
        return;
    fn_buf(&out);
    json_put_compact(&out, v);
    fn_set_buf(f, &out);
}

/* The members of an array: as JSON texts, or as the scalars they hold. */
static void array(struct fn *f, bool scalars)
{
    struct json_scan s;
    struct json_token t;
    struct str v, item;
    struct buf out, text;
    int n = 0;

    if (!find(f, &v))
        return;
    json_scan_init(&s, v);
    s.same_keys = true;
    if (json_scan_next(&s, &t) != JSON_T_ARRAY) {
        json_scan_fini(&s);
        fn_null(f);
        return;
    }
    fn_buf(&out);
    fn_buf(&text);
    buf_putc(&out, '[');
    for (;; n++) {
        enum json_kind k = json_scan_next(&s, &t);
        bool nested = k == JSON_T_OBJECT || k == JSON_T_ARRAY;
        if (k == JSON_T_ARRAY_END || k == JSON_T_ERROR ||
            !json_scan_skip(&s, &t, &item) || (nested && scalars))
            break;
        if (n)
            buf_putc(&out, ',');
        buf_reset(&text);
        if (scalars && k == JSON_T_STRING)
            put_string(&text, item);
        else
            json_put_compact(&text, item);
        if (scalars && k == JSON_T_NULL)
            buf_puts(&out, "null");
        else
            buf_json_str(&out, buf_as_str(&text));
    }
    buf_putc(&out, ']');
    buf_fini(&text);
    json_scan_fini(&s);
    if (t.kind == JSON_T_ARRAY_END) {
        fn_set_buf(f, &out);
    } else {
        buf_fini(&out);
        fn_null(f);
    }
}

void rt_json_value_array(struct fn *f)
{
    array(f, true);
}

void rt_json_query_array(struct fn *f)
{
    array(f, false);
}

void rt_json_extract(struct fn *f)
{
    rt_json_query(f);
}

void rt_json_extract_scalar(struct fn *f)
{
    rt_json_value(f);
}

void rt_json_extract_array(struct fn *f)
{
    array(f, false);
}

void rt_json_extract_string_array(struct fn *f)
{
    array(f, true);
}

/* json.name, json['name'], json[0] */
void rt_json_member(struct fn *f)
{
    struct str v;
    bool found = fn_kind(f, 1) == FN_INT
                     ? json_element(fn_str(f, 0), fn_int(f, 1), &v)
                     : json_member(fn_str(f, 0), fn_str(f, 1), &v);
    if (found)
        fn_set_str(f, v);
    else
        fn_null(f);
}

void rt_parse_json(struct fn *f)
{
    struct str s = fn_str(f, 0), number;
    const char *why;
    struct buf out;
    size_t at;

    if (json_check_same_keys(s, &why, &at) != RC_OK) {
        fn_fail(f, "Invalid input to PARSE_JSON: %s at byte %zu", why, at);
        return;
    }
    if (json_number_lost(s, &number)) {
        fn_fail(f,
                "Invalid input: Input number: %.*s cannot round-trip through "
                "string representation; error in PARSE_JSON expression",
                (int)(number.len < 80 ? number.len : 80), number.p);
        return;
    }
    fn_buf(&out);
    json_normalize(s, &out);
    fn_set_buf(f, &out);
}

void rt_json_type(struct fn *f)
{
    struct str s = json_trim(fn_str(f, 0));

    switch (s.len ? s.p[0] : 'n') {
    case '{':
        fn_set_str(f, STR("object"));
        break;
    case '[':
        fn_set_str(f, STR("array"));
        break;
    case '"':
        fn_set_str(f, STR("string"));
        break;
    case 't':
    case 'f':
        fn_set_str(f, STR("boolean"));
        break;
    case 'n':
        fn_set_str(f, STR("null"));
        break;
    default:
        fn_set_str(f, STR("number"));
    }
}

static bool to_number(struct str s, double *out)
{
    char text[80], *end;

    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && !strpbrk(text, "xX ");
}

static bool to_int(struct str s, int64_t *out)
{
    double d;

    if (str_to_i64(s, out))
        return true;
    if (!to_number(s, &d) || d != floor(d) || fabs(d) > 9.2e18)
        return false;
    *out = (int64_t)d;
    return true;
}

/* INT64(json) and its like: the value must be of that very kind. */
void rt_json_as(struct fn *f)
{
    struct str s = json_trim(fn_str(f, 0));
    char to = fn_letter(f, 1), c = s.len ? s.p[0] : 'n';
    bool is_number = c == '-' || (c >= '0' && c <= '9');
    int64_t i;
    double d;

    if (to == 'S' && c == '"')
        set_scalar(f, s);
    else if (to == 'B' && (c == 't' || c == 'f'))
        fn_set_bool(f, c == 't');
    else if (to == 'I' && is_number && to_int(s, &i))
        fn_set_int(f, i);
    else if (to == 'F' && is_number && to_number(s, &d))
        fn_set_real(f, d);
    else
        fn_fail(f, "The provided JSON input is not %s",
                to == 'S'   ? "a string"
                : to == 'B' ? "a boolean"
                : to == 'I' ? "an integer"
                            : "a number");
}

static void lax_string(struct fn *f, struct str s, char to)
{
    struct buf text;
    struct str t;
    int64_t i;
    double d;

    fn_buf(&text);
    put_string(&text, s);
    t = buf_as_str(&text);
    if (to == 'S')
        fn_set_str(f, t);
    else if (to == 'B' && (str_ieq(t, STR("true")) || str_ieq(t, STR("false"))))
        fn_set_bool(f, t.len == 4);
    else if (to == 'I' && to_number(t, &d) &&
             (str_to_i64(t, &i) || to_int(t, &i) || fabs(d) < 9.2e18))
        fn_set_int(f, to_int(t, &i) ? i : (int64_t)round(d));
    else if (to == 'F' && to_number(t, &d))
        fn_set_real(f, d);
    else
        fn_null(f);
    buf_fini(&text);
}

/* LAX_INT64(json) and its like: what cannot become it is NULL. */
void rt_json_lax(struct fn *f)
{
    struct str s = json_trim(fn_str(f, 0));
    char to = fn_letter(f, 1), c = s.len ? s.p[0] : 'n';
    int64_t i;
    double d;

    if (c == '"') {
        lax_string(f, s, to);
    } else if (c == 't' || c == 'f') {
        if (to == 'S')
            fn_set_str(f, s);
        else if (to == 'F')
            fn_null(f);
        else
            fn_set_int(f, c == 't');
    } else if (c == '{' || c == '[' || c == 'n' || !to_number(s, &d)) {
        fn_null(f);
    } else if (to == 'S') {
        fn_set_str(f, s);
    } else if (to == 'B') {
        fn_set_bool(f, d != 0);
    } else if (to == 'F') {
        fn_set_real(f, d);
    } else if (to_int(s, &i) || fabs(d) < 9.2e18) {
        fn_set_int(f, to_int(s, &i) ? i : (int64_t)round(d));
    } else {
        fn_null(f);
    }
}

static void add_keys(struct buf *list, struct str text, struct str prefix,
                     int64_t depth);

static void each_member(struct buf *list, struct json_scan *s,
                        struct str prefix, int64_t depth)
{
    struct json_token t;
    struct str value;
    struct buf path;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        buf_init(&path, 1 << 20);
        buf_str(&path, prefix);
        if (prefix.len)
            buf_putc(&path, '.');
        if (t.escaped) {
            if (buf_reserve(&path, t.text.len))
                path.len += json_decode(path.data + path.len, t.text);
        } else {
            buf_str(&path, t.text);
        }
        if (list->len > 1)
            buf_putc(list, ',');
        buf_json_str(list, buf_as_str(&path));
        json_scan_next(s, &t);
        if (json_scan_skip(s, &t, &value) && depth > 1)
            add_keys(list, value, buf_as_str(&path), depth - 1);
        buf_fini(&path);
    }
}

static void add_keys(struct buf *list, struct str text, struct str prefix,
                     int64_t depth)
{
    struct json_scan s;
    struct json_token t;

    json_scan_init(&s, text);
    if (json_scan_next(&s, &t) == JSON_T_OBJECT)
        each_member(list, &s, prefix, depth);
    json_scan_fini(&s);
}

void rt_json_keys(struct fn *f)
{
    int64_t depth = fn_count(f) > 1 ? fn_int(f, 1) : INT64_MAX;
    struct buf out;

    if (depth <= 0) {
        fn_fail(f, "max_depth must be positive");
        return;
    }
    fn_buf(&out);
    buf_putc(&out, '[');
    add_keys(&out, fn_str(f, 0), STR(""), depth);
    buf_putc(&out, ']');
    fn_set_buf(f, &out);
}

/* --- from typed values: descriptor and value in pairs -----------------------
 */

struct cached_type {
    struct arena mem;
    const struct sql_type *type;
};

static void forget_type(void *p)
{
    struct cached_type *c = p;

    arena_fini(&c->mem);
    mem_free(c);
}

static void show(struct fn *f, int i, struct buf *out, bool as_json)
{
    struct arena mem;
    struct value v;

    arena_init(&mem);
    fn_get(f, i + 1, &v, false);
    show_json(out, type_from_descriptor(&mem, fn_str(f, i)), &v,
              as_json ? SHOW_JSON : SHOW_STRING);
    arena_fini(&mem);
}

void rt_to_json_string(struct fn *f)
{
    struct cached_type *c = fn_cached(f, 0);
    struct buf out, pretty;
    struct value v;

    if (!c) {
        c = MEM_NEW(struct cached_type);
        arena_init(&c->mem);
        c->type = type_from_descriptor(&c->mem, fn_str(f, 0));
        fn_buf(&out);
        fn_get(f, 1, &v, false);
        show_json(&out, c->type, &v, SHOW_STRING);
        fn_cache(f, 0, c, forget_type);
    } else {
        fn_buf(&out);
        fn_get(f, 1, &v, false);
        show_json(&out, c->type, &v, SHOW_STRING);
    }
    if (fn_count(f) > 2 && fn_bool(f, 3)) {
        fn_buf(&pretty);
        json_pretty(buf_as_str(&out), &pretty);
        buf_fini(&out);
        out = pretty;
    }
    fn_set_buf(f, &out);
}

void rt_to_json(struct fn *f)
{
    struct buf out, sorted;

    fn_buf(&out);
    show(f, 0, &out, true);
    fn_buf(&sorted);
    json_normalize(buf_as_str(&out), &sorted);
    buf_fini(&out);
    fn_set_buf(f, &sorted);
}

void rt_json_array(struct fn *f)
{
    struct buf out;

    fn_buf(&out);
    buf_putc(&out, '[');
    for (int i = 0; i < fn_count(f); i += 2) {
        if (i)
            buf_putc(&out, ',');
        show(f, i, &out, true);
    }
    buf_putc(&out, ']');
    fn_set_buf(f, &out);
}

void rt_json_object(struct fn *f)
{
    struct buf out, sorted;

    fn_buf(&out);
    buf_putc(&out, '{');
    for (int i = 0; i + 3 < fn_count(f); i += 4) {
        if (fn_is_null(f, i + 1)) {
            buf_fini(&out);
            fn_fail(f, "Invalid input to JSON_OBJECT: A key cannot be NULL");
            return;
        }
        if (i)
            buf_putc(&out, ',');
        buf_json_str(&out, fn_str(f, i + 1));
        buf_putc(&out, ':');
        show(f, i + 2, &out, true);
    }
    buf_putc(&out, '}');
    fn_buf(&sorted);
    json_normalize(buf_as_str(&out), &sorted);
    buf_fini(&out);
    fn_set_buf(f, &sorted);
}
