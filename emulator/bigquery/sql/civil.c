/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/civil.h"

#include <stdio.h>

#include "common/timefmt.h"

void civil_split(int64_t us, struct civil *out)
{
    out->days = floor_div(us, US_A_DAY);
    out->of_day = us - out->days * US_A_DAY;
    timefmt_civil_from_days(out->days, &out->year, &out->month, &out->day);
}

bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_days_in_month(int64_t year, int64_t month)
{
    static const unsigned char n[] = {31, 28, 31, 30, 31, 30,
                                      31, 31, 30, 31, 30, 31};
    return month == 2 && civil_is_leap(year) ? 29 : n[month - 1];
}

bool civil_date(int64_t y, int64_t m, int64_t d, int64_t *days)
{
    if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 ||
        d > civil_days_in_month(y, m))
        return false;
    *days = timefmt_days_from_civil(y, (unsigned)m, (unsigned)d);
    return true;
}

bool civil_time(int64_t h, int64_t m, int64_t s, int64_t us, int64_t *out)
{
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || us < 0 ||
        us > 999999)
        return false;
    *out = ((h * 60 + m) * 60 + s) * 1000000 + us;
    return true;
}

struct cursor {
    const char *p, *end;
};

/* `least` to `most` digits, or -1. */
static int64_t digits(struct cursor *c, int least, int most)
{
    int64_t v = 0;
    int n = 0;

    while (c->p < c->end && n < most && *c->p >= '0' && *c->p <= '9') {
        v = v * 10 + (*c->p++ - '0');
        n++;
    }
    return n < least ? -1 : v;
}

static bool eat(struct cursor *c, char ch)
{
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

static bool read_date(struct cursor *c, int64_t *days)
{
    int64_t y = digits(c, 4, 4), m, d;

    if (y < 0 || !eat(c, '-') || (m = digits(c, 1, 2)) < 0 || !eat(c, '-') ||
        (d = digits(c, 1, 2)) < 0)
        return false;
    return civil_date(y, m, d, days);
}

static bool read_fraction(struct cursor *c, int64_t *us)
{
    int64_t v = 0, n = 0;

    *us = 0;
    if (!eat(c, '.'))
        return true;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        if (++n > 6)
            return false;
        v = v * 10 + (*c->p++ - '0');
    }
    for (; n < 6; n++)
        v *= 10;
    *us = v;
    return true;
}

static bool read_time(struct cursor *c, int64_t *out)
{
    int64_t h = digits(c, 1, 2), m, s, us;

    if (h < 0 || !eat(c, ':') || (m = digits(c, 1, 2)) < 0 || !eat(c, ':') ||
        (s = digits(c, 1, 2)) < 0 || !read_fraction(c, &us))
        return false;
    if (s != 60)
        return civil_time(h, m, s, us, out);
    /* A leap second is the next minute's first, without a fraction. */
    *out = 0;
    if (!civil_time(h, m, 59, 0, out))
        return false;
    *out += 1000000;
    return true;
}

static struct cursor cursor_of(struct str s)
{
    return (struct cursor){s.p, s.p + s.len};
}

bool civil_parse_date(struct str s, int64_t *days)
{
    struct cursor c = cursor_of(s);
    return read_date(&c, days) && c.p == c.end;
}

bool civil_parse_time(struct str s, int64_t *us)
{
    struct cursor c = cursor_of(s);

    if (!read_time(&c, us) || c.p != c.end)
        return false;
    *us %= US_A_DAY;
    return true;
}

bool civil_parse_datetime(struct str s, int64_t *us)
{
    struct cursor c = cursor_of(s);
    int64_t days, of_day = 0;

    if (!read_date(&c, &days))
        return false;
    if (c.p < c.end && ((!eat(&c, 'T') && !eat(&c, 't') && !eat(&c, ' ')) ||
                        !read_time(&c, &of_day)))
        return false;
    *us = days * US_A_DAY + of_day;
    return c.p == c.end && *us <= CIVIL_MAX_US;
}

bool civil_parse_timestamp(struct str s, const struct tz *zone,
                           struct tz_set *zones, int64_t *us)
{
    struct cursor c = cursor_of(s);
    int64_t days, of_day = 0;

    if (!zone)
        zone = tz_utc();
    if (!read_date(&c, &days))
        return false;
    if (c.p < c.end &&
        (*c.p == 'T' || *c.p == 't' ||
         (*c.p == ' ' && c.p + 1 < c.end && c.p[1] >= '0' && c.p[1] <= '9'))) {
        c.p++;
        if (!read_time(&c, &of_day))
            return false;
    }
    if (c.p < c.end) {
        struct str name = str_of(c.p, (size_t)(c.end - c.p));
        if (name.p[0] == ' ') {
            name.p++;
            name.len--;
        }
        if (str_eq(name, STR("z")))
            name = STR("UTC");
        zone = tz_find(zones, name);
        if (!zone)
            return false;
    }
    *us = tz_to_utc(zone, days * US_A_DAY + of_day);
    return *us >= CIVIL_MIN_US && *us <= CIVIL_MAX_US;
}

size_t civil_format_date(char *out, int64_t days)
{
    int64_t y;
    unsigned m, d;

    timefmt_civil_from_days(days, &y, &m, &d);
    return (size_t)snprintf(out, CIVIL_TEXT_MAX, "%04d-%02u-%02u", (int)y, m,
                            d);
}

/* Six digits, or none when there is no fraction. */
size_t civil_format_time(char *out, int64_t us)
{
    int64_t s = us / 1000000;
    int n = snprintf(out, CIVIL_TEXT_MAX, "%02d:%02d:%02d", (int)(s / 3600),
                     (int)(s / 60 % 60), (int)(s % 60));

    if (us % 1000000)
        n += snprintf(out + n, 16, ".%06d", (int)(us % 1000000));
    return (size_t)n;
}

size_t civil_format_datetime(char *out, int64_t us, char sep)
{
    int64_t days = floor_div(us, US_A_DAY);
    size_t n = civil_format_date(out, days);

    out[n++] = sep;
    return n + civil_format_time(out + n, us - days * US_A_DAY);
}

static void shorten_fraction(char *out, size_t *n)
{
    if (*n > 7 && out[*n - 7] == '.' && !strcmp(out + *n - 3, "000"))
        *n -= 3;
}

size_t civil_format_timestamp(char *out, int64_t us, const struct tz *zone)
{
    int64_t offset = tz_offset(zone, us), minutes;
    size_t n = civil_format_datetime(out, us + offset * 1000000, ' ');

    shorten_fraction(out, &n);
    minutes = (offset < 0 ? -offset : offset) / 60;
    n += (size_t)snprintf(out + n, 8, "%c%02d", offset < 0 ? '-' : '+',
                          (int)(minutes / 60));
    if (minutes % 60)
        n += (size_t)snprintf(out + n, 8, ":%02d", (int)(minutes % 60));
    return n;
}
