/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/json_norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/real_text.h"

struct member {
    struct str key, value;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = json_text_cmp(x->key, y->key);

    return order ? order : (x->key.p > y->key.p) - (x->key.p < y->key.p);
}

static void put_object(struct json_scan *s, struct buf *out)
{
    struct member *m = NULL;
    size_t n = 0, cap = 0;
    struct json_token t;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        struct str key = t.text;
        if (n == cap) {
            cap = cap ? cap * 2 : 8;
            m = mem_realloc(m, cap * sizeof(*m));
        }
        m[n].key = key;
        json_scan_next(s, &t);
        if (!json_scan_skip(s, &t, &m[n].value))
            break;
        n++;
    }
    if (n)
        qsort(m, n, sizeof(*m), by_key);
    buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        struct json_token key = {.text = m[i].key, .escaped = true};
        /* of one key the first value counts (page "Data types", JSON) */
        if (i && json_text_cmp(m[i].key, m[i - 1].key) == 0)
            continue;
        if (i)
            buf_putc(out, ',');
        json_put_text(out, &key);
        buf_putc(out, ':');
        json_normalize(m[i].value, out);
    }
    buf_putc(out, '}');
    mem_free(m);
}

static void put_array(struct json_scan *s, struct buf *out)
{
    struct json_token t;
    struct str value;

    buf_putc(out, '[');
    for (int n = 0;; n++) {
        enum json_kind k = json_scan_next(s, &t);
        if (k == JSON_T_ARRAY_END || k == JSON_T_ERROR ||
            !json_scan_skip(s, &t, &value))
            break;
        if (n)
            buf_putc(out, ',');
        json_normalize(value, out);
    }
    buf_putc(out, ']');
}

/* Integers stay as they are; what has a point or an exponent is a FLOAT64 and
 * shown as one: 2.50 is 2.5, 1e2 is 100.0. */
static void put_number(struct str text, struct buf *out)
{
    char copy[64], shown[48];
    bool real = false;
    size_t n;

    for (size_t i = 0; i < text.len; i++)
        real |= strchr(".eE", text.p[i]) != NULL;
    if (!real || text.len >= sizeof(copy)) {
        buf_str(out, text);
        return;
    }
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    n = real_to_text(shown, strtod(copy, NULL));
    buf_append(out, shown, n);
    if (!memchr(shown, '.', n) && !memchr(shown, 'e', n))
        buf_puts(out, ".0");
}

enum {
    DIGITS_SAFE = 15, /* so many survive a FLOAT64 */
    DIGITS_MAX = 24,  /* more than any shown number has */
    POWER_SAFE = 290,
    POWER_MAX = 1000000
};

/* A number as its digits, without zeros around them, and the power of ten of
 * the first. */
struct digits {
    char d[DIGITS_MAX];
    int n;
    long power;
    bool more; /* than fit */
};

static struct digits digits_of(struct str s)
{
    struct digits out = {.n = 0};
    bool point = false;
    long at = -1; /* of the digit read: digits before the point, less one */
    int zeros = 0;
    long power;
    size_t i = 0;

    for (; i < s.len && (s.p[i] | 32) != 'e'; i++) {
        char c = s.p[i];
        if (c == '.')
            point = true;
        if (c < '0' || c > '9')
            continue;
        at += point ? 0 : 1;
        if (c == '0' && out.n == 0) {
            out.power -= point;
            at = point ? at : -1;
            continue;
        }
        if (c == '0') {
            zeros++;
            continue;
        }
        for (; zeros > 0 && out.n < DIGITS_MAX; zeros--)
            out.d[out.n++] = '0';
        if (out.n < DIGITS_MAX)
            out.d[out.n++] = c;
        else
            out.more = true;
        zeros = 0;
    }
    out.power += at;
    if (i < s.len) {
        char copy[24];
        size_t n =
            s.len - i - 1 < sizeof(copy) ? s.len - i - 1 : sizeof(copy) - 1;
        memcpy(copy, s.p + i + 1, n);
        copy[n] = '\0';
        power = strtol(copy, NULL, 10);
        out.power += power > POWER_MAX    ? POWER_MAX
                     : power < -POWER_MAX ? -POWER_MAX
                                          : power;
    }
    return out;
}

static bool is_lost(struct str s)
{
    struct digits a = digits_of(s), b;
    char copy[64], shown[48];
    double v;
    size_t n;
    int64_t i;
    uint64_t u;

    if (a.n == 0 ||
        (!a.more && a.n <= DIGITS_SAFE && labs(a.power) < POWER_SAFE))
        return false;
    if (str_to_i64(s, &i) || str_to_u64(s, &u))
        return false;
    if (a.more || s.len >= sizeof(copy))
        return true;
    memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    v = strtod(copy, NULL);
    if (!isfinite(v) || v == 0)
        return true;
    n = real_to_text(shown, v);
    b = digits_of(str_of(shown, n));
    return a.n != b.n || a.power != b.power ||
           memcmp(a.d, b.d, (size_t)a.n) != 0;
}

bool json_number_lost(struct str text, struct str *number)
{
    struct json_scan s;
    struct json_token t;
    bool lost = false;

    json_scan_init(&s, text);
    s.same_keys = true;
    while (!lost && json_scan_next(&s, &t) > JSON_T_DONE) {
        if (t.kind == JSON_T_NUMBER && is_lost(t.text)) {
            *number = t.text;
            lost = true;
        }
    }
    json_scan_fini(&s);
    return lost;
}

void json_normalize(struct str text, struct buf *out)
{
    struct json_scan s;
    struct json_token t;

    json_scan_init(&s, text);
    s.same_keys = true;
    switch (json_scan_next(&s, &t)) {
    case JSON_T_OBJECT:
        put_object(&s, out);
        break;
    case JSON_T_ARRAY:
        put_array(&s, out);
        break;
    case JSON_T_STRING:
        json_put_text(out, &t);
        break;
    case JSON_T_NUMBER:
        put_number(json_trim(text), out);
        break;
    default:
        buf_str(out, json_trim(text));
    }
    json_scan_fini(&s);
}

struct str json_trim(struct str s)
{
    while (s.len && strchr(" \t\r\n", s.p[0]))
        s = str_of(s.p + 1, s.len - 1);
    while (s.len && strchr(" \t\r\n", s.p[s.len - 1]))
        s.len--;
    return s;
}

bool json_member(struct str text, struct str name, struct str *out)
{
    struct json_scan s;
    struct json_token t;
    bool found = false;

    json_scan_init(&s, text);
    s.same_keys = true;
    if (json_scan_next(&s, &t) == JSON_T_OBJECT) {
        while (!found && json_scan_next(&s, &t) == JSON_T_KEY) {
            found = json_text_eq(&t, name);
            json_scan_next(&s, &t);
            if (!json_scan_skip(&s, &t, out)) {
                found = false;
                break;
            }
        }
    }
    json_scan_fini(&s);
    return found;
}

bool json_element(struct str text, int64_t index, struct str *out)
{
    struct json_scan s;
    struct json_token t;
    bool found = false;

    json_scan_init(&s, text);
    s.same_keys = true;
    if (index >= 0 && json_scan_next(&s, &t) == JSON_T_ARRAY) {
        for (;;) {
            enum json_kind k = json_scan_next(&s, &t);
            if (k == JSON_T_ARRAY_END || k == JSON_T_ERROR ||
                !json_scan_skip(&s, &t, out))
                break;
            if (index-- == 0) {
                found = true;
                break;
            }
        }
    }
    json_scan_fini(&s);
    return found;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$' ||
           (unsigned char)c >= 0x80;
}

bool json_path_step(struct str *path, struct str *name, int64_t *index)
{
    const char *p = path->p, *end = p + path->len, *from;
    bool bracket = *p == '[', dot = *p == '.';
    char quote = 0;

    *index = -1;
    if (!bracket && !dot)
        return false;
    p++;
    if (p < end && (*p == '"' || *p == '\''))
        quote = *p++;
    from = p;
    while (p < end && (quote ? *p != quote : is_name(*p)))
        p++;
    *name = str_of(from, (size_t)(p - from));
    if (name->len == 0 && !quote)
        return false;
    if (quote && (p == end || *p++ != quote))
        return false;
    if (bracket && (p == end || *p++ != ']'))
        return false;
    if (bracket && !quote && !str_to_i64(*name, index))
        return false;
    *path = str_of(p, (size_t)(end - p));
    return true;
}

int json_path_check(struct str path)
{
    struct str name;
    int64_t index;
    int n = 0;

    if (path.len == 0 || path.p[0] != '$')
        return -1;
    for (path = str_of(path.p + 1, path.len - 1); path.len; n++) {
        if (!json_path_step(&path, &name, &index))
            return -1;
    }
    return n;
}

enum json_found json_find(struct str text, struct str path, struct str *out)
{
    const char *why;
    struct str name;
    int64_t index;
    size_t at;

    if (path.len == 0 || path.p[0] != '$')
        return JSON_BAD_PATH;
    path = str_of(path.p + 1, path.len - 1);
    *out = json_trim(text);
    if (path.len == 0 && json_check_same_keys(text, &why, &at) != RC_OK)
        return JSON_MISSING;
    while (path.len) {
        struct str from = *out;
        bool found;
        if (!json_path_step(&path, &name, &index))
            return JSON_BAD_PATH;
        found = index >= 0 ? json_element(from, index, out)
                           : json_member(from, name, out);
        if (!found) {
            while (path.len) { /* the rest must still be a path */
                if (!json_path_step(&path, &name, &index))
                    return JSON_BAD_PATH;
            }
            return JSON_MISSING;
        }
    }
    return JSON_FOUND;
}

static void newline(struct buf *out, int depth)
{
    buf_putc(out, '\n');
    for (int i = 0; i < depth; i++)
        buf_puts(out, "  ");
}

void json_pretty(struct str s, struct buf *out)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool empty = i + 1 < s.len && (s.p[i + 1] == '}' || s.p[i + 1] == ']');
        if (quoted) {
            buf_putc(out, c);
            if (c == '\\' && i + 1 < s.len)
                buf_putc(out, s.p[++i]);
            else if (c == '"')
                quoted = false;
            continue;
        }
        if ((c == '}' || c == ']') && i && s.p[i - 1] != '{' &&
            s.p[i - 1] != '[')
            newline(out, depth - 1);
        buf_putc(out, c);
        quoted = c == '"';
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (((c == '{' || c == '[') && !empty) || c == ',')
            newline(out, depth);
        if (c == ':')
            buf_putc(out, ' ');
    }
}
