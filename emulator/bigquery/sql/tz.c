/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/tz.h"

#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/tz_rule.h"

enum {
    FILE_MAX = 256 * 1024,
    NAME_LEN_MAX = 64
};

struct transition {
    int64_t at; /* seconds, UTC */
    int type;
};

struct tz {
    struct tz *next;
    char name[NAME_LEN_MAX];
    struct transition *transitions;
    size_t n_transitions;
    struct tz_type types[64];
    size_t n_types;
    bool has_rule;
    struct tz_rule rule; /* after the last transition */
};

static const struct tz utc = {
    .name = "UTC", .types = {{0, false, "UTC"}}, .n_types = 1};

const struct tz *tz_utc(void)
{
    return &utc;
}

void tz_set_fini(struct tz_set *set)
{
    struct tz *t = set->list;

    while (t) {
        struct tz *next = t->next;
        mem_free(t->transitions);
        mem_free(t);
        t = next;
    }
    set->list = NULL;
}

static int64_t big_endian(const unsigned char *p, int n)
{
    uint64_t v = p[0] & 0x80 ? ~0ULL : 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* Version 2 data: the second header and its eight-byte times. */
static bool read_block(struct tz *t, const unsigned char *p, size_t len)
{
    int64_t n_isut, n_isstd, n_leap, n_times, n_types, n_chars;
    const unsigned char *types, *infos, *chars, *footer;
    size_t need;

    if (len < 44 || memcmp(p, "TZif", 4))
        return false;
    n_isut = big_endian(p + 20, 4);
    n_isstd = big_endian(p + 24, 4);
    n_leap = big_endian(p + 28, 4);
    n_times = big_endian(p + 32, 4);
    n_types = big_endian(p + 36, 4);
    n_chars = big_endian(p + 40, 4);
    if (n_times < 0 || n_times > 10000 || n_types < 1 || n_types > 64 ||
        n_chars < 1 || n_chars > 1000 || n_isut < 0 || n_isut > 64 ||
        n_isstd < 0 || n_isstd > 64 || n_leap < 0 || n_leap > 1000)
        return false;
    need = 44 + (size_t)(n_times * 9 + n_types * 6 + n_chars + n_leap * 12 +
                         n_isstd + n_isut);
    if (len < need)
        return false;
    p += 44;
    types = p + n_times * 8;
    infos = types + n_times;
    chars = infos + n_types * 6;
    t->transitions = MEM_ARRAY(struct transition, (size_t)n_times);
    for (int64_t i = 0; i < n_times; i++) {
        if (types[i] >= n_types)
            return false;
        t->transitions[i].at = big_endian(p + i * 8, 8);
        t->transitions[i].type = types[i];
    }
    t->n_transitions = (size_t)n_times;
    for (int64_t i = 0; i < n_types; i++) {
        const unsigned char *info = infos + i * 6;
        if (info[5] >= n_chars)
            return false;
        t->types[i].offset = big_endian(info, 4);
        t->types[i].is_dst = info[4];
        snprintf(t->types[i].name, sizeof(t->types[i].name), "%.*s",
                 (int)(n_chars - info[5]), (const char *)chars + info[5]);
    }
    t->n_types = (size_t)n_types;
    footer = p + need - 44;
    len -= need;
    if (len > 2 && footer[0] == '\n')
        t->has_rule =
            tz_rule_parse(&t->rule, (const char *)footer + 1, len - 1);
    return true;
}

/* Where version 2 data begins: behind the first header's block. */
static size_t second_header(const unsigned char *p, size_t len)
{
    size_t n;

    if (len < 44 || memcmp(p, "TZif", 4) || p[4] < '2')
        return 0;
    n = 44 + (size_t)(big_endian(p + 32, 4) * 5 + big_endian(p + 36, 4) * 6 +
                      big_endian(p + 40, 4) + big_endian(p + 28, 4) * 8 +
                      big_endian(p + 24, 4) + big_endian(p + 20, 4));
    return n < len ? n : 0;
}

static bool read_file(struct tz *t, struct str name)
{
    char path[128];
    unsigned char *data;
    size_t len, at;
    FILE *f;
    bool ok;

    if (name.len == 0 || name.p[0] == '/' || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr("/_+-", c)) ||
            !c)
            return false;
    }
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", STR_ARG(name));
    f = fopen(path, "rbe");
    if (!f)
        return false;
    data = mem_alloc(FILE_MAX);
    len = fread(data, 1, FILE_MAX, f);
    fclose(f);
    at = second_header(data, len);
    ok = at && read_block(t, data + at, len - at);
    mem_free(data);
    return ok;
}

/* (+|-)H[H][:M[M]], also with UTC or GMT before it. */
static bool fixed_offset(struct tz *t, struct str s)
{
    int64_t h = 0, m = 0, sign;
    size_t i = 1, digits = 0;

    if (s.len < 2 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    sign = s.p[0] == '-' ? -1 : 1;
    for (; i < s.len && digits < 2 && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        h = h * 10 + (s.p[i] - '0');
        digits++;
    }
    if (!digits)
        return false;
    if (i < s.len) {
        if (s.p[i++] != ':' || s.len - i < 1 || s.len - i > 2)
            return false;
        for (; i < s.len; i++) {
            if (s.p[i] < '0' || s.p[i] > '9')
                return false;
            m = m * 10 + (s.p[i] - '0');
        }
    }
    if (h > 14 || m > 59)
        return false;
    t->n_types = 1;
    t->types[0].offset = sign * (h * 3600 + m * 60);
    snprintf(t->types[0].name, sizeof(t->types[0].name), "UTC%c%d",
             sign < 0 ? '-' : '+', (int)h);
    return true;
}

const struct tz *tz_find(struct tz_set *set, struct str name)
{
    struct tz *t;

    if (str_eq(name, STR("UTC")) || str_eq(name, STR("Z")) ||
        str_eq(name, STR("Etc/UTC")) || str_eq(name, STR("GMT")))
        return &utc;
    if (name.len >= NAME_LEN_MAX)
        return NULL;
    for (t = set->list; t; t = t->next) {
        if (str_eq(str_from(t->name), name))
            return t;
    }
    t = MEM_NEW(struct tz);
    memcpy(t->name, name.p, name.len);
    if (!fixed_offset(t, name) && !read_file(t, name)) {
        mem_free(t->transitions);
        mem_free(t);
        return NULL;
    }
    t->next = set->list;
    set->list = t;
    return t;
}

static const struct tz_type *type_at(const struct tz *t, int64_t utc_s,
                                     struct tz_type *scratch)
{
    size_t low = 0, high = t->n_transitions;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (t->transitions[mid].at <= utc_s)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == t->n_transitions && t->has_rule) {
        *scratch = *tz_rule_at(&t->rule, utc_s);
        return scratch;
    }
    if (low)
        return &t->types[t->transitions[low - 1].type];
    for (size_t i = 0; i < t->n_types; i++) {
        if (!t->types[i].is_dst)
            return &t->types[i];
    }
    return &t->types[0];
}

int64_t tz_offset(const struct tz *t, int64_t utc_us)
{
    struct tz_type scratch;
    return type_at(t, floor_div(utc_us, 1000000), &scratch)->offset;
}

int64_t tz_to_utc(const struct tz *t, int64_t local_us)
{
    int64_t day = 86400LL * 1000000;
    int64_t before = tz_offset(t, local_us - day) * 1000000;
    int64_t after = tz_offset(t, local_us + day) * 1000000;

    if (tz_offset(t, local_us - before) * 1000000 == before)
        return local_us - before;
    if (tz_offset(t, local_us - after) * 1000000 == after)
        return local_us - after;
    return local_us - before;
}
