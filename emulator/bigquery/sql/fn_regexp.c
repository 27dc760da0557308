/* SPDX-License-Identifier: Apache-2.0 */
/* REGEXP_*: a constant pattern is compiled once a statement. */
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/re.h"
#include "emulator/bigquery/sql/utf8.h"

static void forget(void *p)
{
    re_free(p);
}

struct pattern {
    struct re *re;
    bool owned;
};

static bool compile(struct fn *f, struct pattern *p)
{
    char error[RE_ERROR_MAX];

    p->owned = false;
    p->re = fn_cached(f, 1);
    if (p->re)
        return true;
    p->re = re_compile(fn_str(f, 1), error);
    if (!p->re) {
        fn_fail(f, "Cannot parse regular expression: %s", error);
        return false;
    }
    return true;
}

/* The cache frees what it cannot keep at once, so this comes last. */
static void release(struct fn *f, struct pattern *p)
{
    if (p->re != fn_cached(f, 1))
        fn_cache(f, 1, p->re, forget);
}

void rt_regexp_contains(struct fn *f)
{
    struct pattern p;

    if (!compile(f, &p))
        return;
    fn_set_bool(f, re_search(p.re, fn_str(f, 0), 0, NULL));
    release(f, &p);
}

/* A match of nothing must not be found again at the same place. */
static size_t step(struct str s, const struct re_match *m)
{
    size_t at = (size_t)m->end[0];

    if (m->end[0] == m->start[0])
        at += at < s.len ? utf8_bytes(str_of(s.p + at, s.len - at), 1) : 1;
    return at;
}

static bool one_group(struct fn *f, const struct re *re, const char *name)
{
    if (re_groups(re) > 1)
        fn_fail(f,
                "Regular expression for %s must not contain more than one "
                "capturing group",
                name);
    return re_groups(re) <= 1;
}

/* (text, pattern, position, occurrence): the occurrence's match. */
static bool nth(struct fn *f, const struct re *re, struct re_match *m,
                const char *name)
{
    struct str s = fn_str(f, 0);
    int64_t position = fn_count(f) > 2 ? fn_int(f, 2) : 1;
    int64_t occurrence = fn_count(f) > 3 ? fn_int(f, 3) : 1;
    size_t at;

    if (position < 1 || occurrence < 1) {
        fn_fail(f, "%s argument of %s must be positive",
                position < 1 ? "Position" : "Occurrence", name);
        return false;
    }
    if (position > (int64_t)utf8_count(s) + 1)
        return false;
    at = utf8_bytes(s, (size_t)position - 1);
    while (re_search(re, s, at, m)) {
        if (--occurrence == 0)
            return true;
        at = step(s, m);
    }
    return false;
}

void rt_regexp_extract(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct pattern p;
    struct re_match m;
    int g;

    if (!compile(f, &p))
        return;
    if (one_group(f, p.re, "REGEXP_EXTRACT")) {
        g = re_groups(p.re);
        if (nth(f, p.re, &m, "REGEXP_EXTRACT") && m.start[g] >= 0)
            fn_set_str(
                f, str_of(s.p + m.start[g], (size_t)(m.end[g] - m.start[g])));
        else if (!fn_failed(f))
            fn_null(f);
    }
    release(f, &p);
}

void rt_regexp_extract_all(struct fn *f)
{
    struct str s = fn_str(f, 0);
    struct pattern p;
    struct re_match m;
    struct buf out;
    size_t at = 0;
    int g;

    if (!compile(f, &p))
        return;
    if (one_group(f, p.re, "REGEXP_EXTRACT_ALL")) {
        g = re_groups(p.re);
        fn_buf(&out);
        buf_putc(&out, '[');
        while (re_search(p.re, s, at, &m)) {
            if (out.len > 1)
                buf_putc(&out, ',');
            if (m.start[g] >= 0)
                buf_json_str(&out, str_of(s.p + m.start[g],
                                          (size_t)(m.end[g] - m.start[g])));
            else
                buf_puts(&out, "null");
            at = step(s, &m);
        }
        buf_putc(&out, ']');
        fn_set_buf(f, &out);
    }
    release(f, &p);
}

/* \0 to \9 are groups, \\ a backslash. */
static bool put_rewrite(struct fn *f, struct buf *out, struct str with,
                        struct str s, const struct re *re,
                        const struct re_match *m)
{
    for (size_t i = 0; i < with.len; i++) {
        char c = with.p[i];
        int g;
        if (c != '\\') {
            buf_putc(out, c);
            continue;
        }
        c = ++i < with.len ? with.p[i] : 0;
        if (c == '\\') {
            buf_putc(out, c);
            continue;
        }
        g = c - '0';
        if (c < '0' || c > '9' || g > re_groups(re)) {
            fn_fail(f, "Invalid REGEXP_REPLACE pattern");
            return false;
        }
        if (m->start[g] >= 0)
            buf_append(out, s.p + m->start[g],
                       (size_t)(m->end[g] - m->start[g]));
    }
    return true;
}

void rt_regexp_replace(struct fn *f)
{
    struct str s = fn_str(f, 0), with = fn_str(f, 2);
    size_t at = 0, copied = 0;
    struct pattern p;
    struct re_match m;
    struct buf out;

    if (!compile(f, &p))
        return;
    fn_buf(&out);
    while (!out.failed && re_search(p.re, s, at, &m)) {
        buf_append(&out, s.p + copied, (size_t)m.start[0] - copied);
        if (!put_rewrite(f, &out, with, s, p.re, &m))
            break;
        copied = (size_t)m.end[0];
        at = step(s, &m);
    }
    if (fn_failed(f)) {
        buf_fini(&out);
    } else {
        buf_append(&out, s.p + copied, s.len - copied);
        fn_set_buf(f, &out);
    }
    release(f, &p);
}

/* (text, pattern, position, occurrence, 0 start or 1 end) */
void rt_regexp_instr(struct fn *f)
{
    int64_t end = fn_count(f) > 4 ? fn_int(f, 4) : 0;
    struct str s = fn_str(f, 0);
    struct pattern p;
    struct re_match m;
    int g;

    if (!compile(f, &p))
        return;
    if (one_group(f, p.re, "REGEXP_INSTR")) {
        g = re_groups(p.re);
        if (nth(f, p.re, &m, "REGEXP_INSTR") && m.start[g] >= 0)
            fn_set_int(f, (int64_t)utf8_count(str_of(
                              s.p, (size_t)(end ? m.end[g] : m.start[g]))) +
                              1);
        else if (!fn_failed(f))
            fn_set_int(f, 0);
    }
    release(f, &p);
}
