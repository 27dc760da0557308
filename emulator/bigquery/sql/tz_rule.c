/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/tz_rule.h"

#include <stdio.h>

#include "common/timefmt.h"
#include "emulator/bigquery/sql/civil.h"

struct cursor {
    const char *p, *end;
};

static bool read_name(struct cursor *c, char *out)
{
    const char *from = c->p;
    size_t len;

    if (c->p < c->end && *c->p == '<') {
        from = ++c->p;
        while (c->p < c->end && *c->p != '>')
            c->p++;
        len = (size_t)(c->p - from);
        if (c->p == c->end)
            return false;
        c->p++;
    } else {
        while (c->p < c->end &&
               ((*c->p | 0x20) >= 'a' && (*c->p | 0x20) <= 'z'))
            c->p++;
        len = (size_t)(c->p - from);
    }
    if (len == 0 || len > 15)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

static bool read_int(struct cursor *c, int64_t *v)
{
    const char *from = c->p;

    *v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - from < 4)
        *v = *v * 10 + (*c->p++ - '0');
    return c->p > from;
}

static bool eat(struct cursor *c, char ch)
{
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_time(struct cursor *c, int64_t *out)
{
    int64_t sign = 1, h, m = 0, s = 0;

    if (eat(c, '-'))
        sign = -1;
    else
        eat(c, '+');
    if (!read_int(c, &h) || (eat(c, ':') && !read_int(c, &m)) ||
        (eat(c, ':') && !read_int(c, &s)))
        return false;
    *out = sign * (h * 3600 + m * 60 + s);
    return true;
}

static bool read_date(struct cursor *c, struct tz_date *d)
{
    int64_t a, b = 0, e = 0;

    if (!eat(c, ','))
        return false;
    d->kind = c->p < c->end && (*c->p == 'M' || *c->p == 'J') ? *c->p++ : 'n';
    if (!read_int(c, &a))
        return false;
    if (d->kind == 'M' && (!eat(c, '.') || !read_int(c, &b) || !eat(c, '.') ||
                           !read_int(c, &e) || a < 1 || a > 12))
        return false;
    d->month = (int)a;
    d->week = (int)b;
    d->day = (int)(d->kind == 'M' ? e : a);
    d->time = 7200;
    return !eat(c, '/') || read_time(c, &d->time);
}

bool tz_rule_parse(struct tz_rule *r, const char *p, size_t len)
{
    struct cursor c = {p, p + len};
    int64_t offset;

    *r = (struct tz_rule){0};
    while (c.end > c.p && c.end[-1] == '\n')
        c.end--;
    if (!read_name(&c, r->std.name) || !read_time(&c, &offset))
        return false;
    r->std.offset = -offset;
    if (c.p == c.end)
        return true;
    if (!read_name(&c, r->dst.name))
        return false;
    r->dst.is_dst = true;
    r->dst.offset = r->std.offset + 3600;
    if (c.p < c.end && *c.p != ',') {
        if (!read_time(&c, &offset))
            return false;
        r->dst.offset = -offset;
    }
    r->has_dst = read_date(&c, &r->start) && read_date(&c, &r->end);
    return r->has_dst;
}

/* Days since 1970 of the rule's date in a year. */
static int64_t date_in(const struct tz_date *d, int64_t year)
{
    int64_t first, weekday, day;

    if (d->kind != 'M') {
        int64_t n = timefmt_days_from_civil(year, 1, 1) + d->day;
        if (d->kind == 'n')
            return n;
        return n - 1 + (civil_is_leap(year) && d->day >= 60);
    }
    first = timefmt_days_from_civil(year, (unsigned)d->month, 1);
    weekday = ((first % 7) + 11) % 7; /* 1970-01-01 was a Thursday */
    day = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
    while (day >= civil_days_in_month(year, d->month))
        day -= 7;
    return first + day;
}

const struct tz_type *tz_rule_at(const struct tz_rule *r, int64_t utc_s)
{
    int64_t year, start, end;
    unsigned month, day;

    if (!r->has_dst)
        return &r->std;
    timefmt_civil_from_days(floor_div(utc_s + r->std.offset, 86400), &year,
                            &month, &day);
    start = date_in(&r->start, year) * 86400 + r->start.time - r->std.offset;
    end = date_in(&r->end, year) * 86400 + r->end.time - r->dst.offset;
    if (start < end)
        return utc_s >= start && utc_s < end ? &r->dst : &r->std;
    return utc_s >= end && utc_s < start ? &r->std : &r->dst;
}
