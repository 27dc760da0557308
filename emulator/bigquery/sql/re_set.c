/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/re_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "emulator/bigquery/sql/utf8.h"

enum {
    CODE_POINT_MAX = 0x10ffff,
    FOLD_MAX = 512 /* of a range's letters, both cases are added */
};

static const struct named {
    const char *name;
    unsigned char n;
    struct re_range r[4];
} names[] = {
    {"d", 1, {{'0', '9'}}},
    {"w", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"s", 3, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
    {"[:alnum:]", 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"[:alpha:]", 2, {{'A', 'Z'}, {'a', 'z'}}},
    {"[:ascii:]", 1, {{0, 127}}},
    {"[:blank:]", 2, {{'\t', '\t'}, {' ', ' '}}},
    {"[:cntrl:]", 2, {{0, 31}, {127, 127}}},
    {"[:digit:]", 1, {{'0', '9'}}},
    {"[:graph:]", 1, {{'!', '~'}}},
    {"[:lower:]", 1, {{'a', 'z'}}},
    {"[:print:]", 1, {{' ', '~'}}},
    {"[:punct:]", 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"[:space:]", 2, {{'\t', '\r'}, {' ', ' '}}},
    {"[:upper:]", 1, {{'A', 'Z'}}},
    {"[:word:]", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"[:xdigit:]", 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};
enum {
    N_NAMES = sizeof(names) / sizeof(*names),
    N_PERL = 3 /* the first ones */
};

struct stepped {
    uint32_t from, to, step;
};

#define CATEGORY(name, ...)                                                    \
    static const struct stepped in_##name[] = {__VA_ARGS__};
#define SCRIPT CATEGORY
#include "emulator/bigquery/sql/re_unicode.def"
#undef CATEGORY
#undef SCRIPT

static const struct group {
    const char *name;
    bool category;
    size_t n;
    const struct stepped *r;
} groups[] = {
#define CATEGORY(name, ...)                                                    \
    {#name, true, sizeof(in_##name) / sizeof(*in_##name), in_##name},
#define SCRIPT(name, ...)                                                      \
    {#name, false, sizeof(in_##name) / sizeof(*in_##name), in_##name},
#include "emulator/bigquery/sql/re_unicode.def"
#undef CATEGORY
#undef SCRIPT
};

void re_set_fini(struct re_set *s)
{
    mem_free(s->ranges);
    *s = (struct re_set){.fold = s->fold};
}

static void add(struct re_set *s, uint32_t from, uint32_t to)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->ranges = mem_realloc(s->ranges, s->cap * sizeof(*s->ranges));
    }
    s->ranges[s->n++] = (struct re_range){from, to};
}

void re_set_add(struct re_set *s, uint32_t from, uint32_t to)
{
    add(s, from, to);
    for (uint32_t c = from; s->fold && c <= to && c - from < FOLD_MAX; c++) {
        if (utf8_lower(c) != c)
            add(s, utf8_lower(c), utf8_lower(c));
        if (utf8_upper(c) != c)
            add(s, utf8_upper(c), utf8_upper(c));
    }
}

static int by_start(const void *a, const void *b)
{
    const struct re_range *x = a, *y = b;

    return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
                              : (x->to > y->to) - (x->to < y->to);
}

void re_set_finish(struct re_set *s)
{
    uint32_t kept = 0;

    if (s->n)
        qsort(s->ranges, s->n, sizeof(*s->ranges), by_start);
    for (uint32_t i = 0; i < s->n; i++) {
        struct re_range r = s->ranges[i];
        struct re_range *last = kept ? &s->ranges[kept - 1] : NULL;
        if (!last || r.from > last->to + 1)
            s->ranges[kept++] = r;
        else if (r.to > last->to)
            last->to = r.to;
    }
    s->n = kept;
}

/* Adds what `other` holds, or what it does not. */
static void add_set(struct re_set *s, struct re_set *other, bool negated)
{
    uint32_t next = 0;

    re_set_finish(other);
    for (uint32_t i = 0; i < other->n; i++) {
        if (!negated)
            add(s, other->ranges[i].from, other->ranges[i].to);
        else if (other->ranges[i].from > next)
            add(s, next, other->ranges[i].from - 1);
        next = other->ranges[i].to + 1;
    }
    if (negated && next <= CODE_POINT_MAX)
        add(s, next, CODE_POINT_MAX);
    re_set_fini(other);
}

static void add_named(struct re_set *s, const struct named *n, bool negated)
{
    struct re_set only = {.fold = s->fold};

    for (int i = 0; i < n->n; i++)
        re_set_add(&only, n->r[i].from, n->r[i].to);
    add_set(s, &only, negated);
}

static bool eat(struct str *rest, struct str text)
{
    if (!str_starts(*rest, text))
        return false;
    *rest = str_of(rest->p + text.len, rest->len - text.len);
    return true;
}

enum re_read re_set_posix(struct re_set *s, struct str *rest, char *error)
{
    for (size_t i = N_PERL; i < N_NAMES; i++) {
        char negated[16];
        snprintf(negated, sizeof(negated), "[:^%s", names[i].name + 2);
        bool plain = eat(rest, str_from(names[i].name));
        if (plain || eat(rest, str_from(negated))) {
            add_named(s, &names[i], !plain);
            return RE_READ_OK;
        }
    }
    if (!str_starts(*rest, STR("[:")))
        return RE_READ_NONE;
    snprintf(error, RE_ERROR_MAX, "invalid character class range: %.*s",
             rest->len < 40 ? (int)rest->len : 40, rest->p);
    return RE_READ_BAD;
}

/* A name of one letter is all categories that begin with it. */
static bool add_unicode(struct re_set *s, struct str name)
{
    bool found = false;

    if (str_eq(name, STR("Any"))) {
        add(s, 0, CODE_POINT_MAX);
        return true;
    }
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        const struct group *g = &groups[i];
        if (!(name.len == 1 && g->category && g->name[0] == name.p[0]) &&
            !str_eq(name, str_from(g->name)))
            continue;
        found = true;
        for (size_t k = 0; k < g->n; k++) {
            const struct stepped *r = &g->r[k];
            if (r->step == 1)
                re_set_add(s, r->from, r->to);
            for (uint32_t c = r->from; r->step > 1 && c <= r->to; c += r->step)
                re_set_add(s, c, c);
        }
    }
    return found;
}

/* The name behind \p: one letter, or in braces. */
static bool unicode_name(struct str *rest, struct str *name)
{
    struct str s = *rest;

    if (!eat(&s, STR("{"))) {
        if (!s.len)
            return false;
        *name = str_of(s.p, utf8_bytes(s, 1));
        *rest = str_of(s.p + name->len, s.len - name->len);
        return true;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '}') {
            *name = str_of(s.p, i);
            *rest = str_of(s.p + i + 1, s.len - i - 1);
            return true;
        }
    }
    return false;
}

static enum re_read unicode(struct re_set *s, struct str *rest, char *error)
{
    struct re_set only = {.fold = s->fold};
    struct str from = *rest, name;
    bool negated = from.p[0] == 'P';

    *rest = str_of(from.p + 1, from.len - 1);
    if (unicode_name(rest, &name)) {
        negated ^= eat(&name, STR("^"));
        if (add_unicode(&only, name)) {
            add_set(s, &only, negated);
            return RE_READ_OK;
        }
        from.len = (size_t)(rest->p - from.p);
    }
    snprintf(error, RE_ERROR_MAX, "invalid character class range: \\%.*s",
             from.len < 60 ? (int)from.len : 60, from.p);
    return RE_READ_BAD;
}

enum re_read re_set_escape(struct re_set *s, struct str *rest, char *error)
{
    char c = rest->len ? rest->p[0] : '\0', lower = (char)(c | 0x20);

    if (lower == 'p')
        return unicode(s, rest, error);
    for (size_t i = 0; c && i < N_PERL; i++) {
        if (lower != names[i].name[0])
            continue;
        *rest = str_of(rest->p + 1, rest->len - 1);
        add_named(s, &names[i], c < 'a');
        return RE_READ_OK;
    }
    return RE_READ_NONE;
}
