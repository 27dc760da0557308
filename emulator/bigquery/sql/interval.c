/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/interval.h"

#include <stdio.h>

#include "emulator/bigquery/sql/civil.h"

enum {
    MONTHS_MAX = 120000,
    DAYS_MAX = 3660000,
    DAYS_A_MONTH = 30
};

#define US_A_SECOND 1000000LL
#define US_A_HOUR   3600000000LL
#define TIME_MAX    (87840000LL * US_A_HOUR)

static const char *const parts[] = {"YEAR", "MONTH",  "DAY",
                                    "HOUR", "MINUTE", "SECOND"};
enum {
    YEAR,
    MONTH,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    N_PARTS
};

static int part_index(struct str name)
{
    for (int i = 0; i < N_PARTS; i++) {
        if (str_eq(name, str_from(parts[i])))
            return i;
    }
    return -1;
}

static bool within(int64_t v, int64_t max)
{
    return v >= -max && v <= max;
}

bool interval_in_range(const struct interval *v)
{
    return within(v->months, MONTHS_MAX) && within(v->days, DAYS_MAX) &&
           within(v->us, TIME_MAX);
}

bool interval_of(int64_t n, struct str part, struct interval *out)
{
    static const struct {
        const char *name;
        struct interval unit;
    } table[] = {{"YEAR", {12, 0, 0}},
                 {"QUARTER", {3, 0, 0}},
                 {"MONTH", {1, 0, 0}},
                 {"WEEK", {0, 7, 0}},
                 {"DAY", {0, 1, 0}},
                 {"HOUR", {0, 0, US_A_HOUR}},
                 {"MINUTE", {0, 0, 60 * US_A_SECOND}},
                 {"SECOND", {0, 0, US_A_SECOND}},
                 {"MILLISECOND", {0, 0, 1000}},
                 {"MICROSECOND", {0, 0, 1}}};

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const struct interval *u = &table[i].unit;
        if (!str_eq(part, str_from(table[i].name)))
            continue;
        return !__builtin_mul_overflow(n, u->months, &out->months) &&
               !__builtin_mul_overflow(n, u->days, &out->days) &&
               !__builtin_mul_overflow(n, u->us, &out->us) &&
               interval_in_range(out);
    }
    return false;
}

/* --- texts ---------------------------------------------------------------- */

/* The front of a text: digits without a sign, at most ten. */
static bool digits(struct str *s, int64_t *out)
{
    size_t n = 0;

    *out = 0;
    while (n < s->len && n < 10 && s->p[n] >= '0' && s->p[n] <= '9')
        *out = *out * 10 + (s->p[n++] - '0');
    *s = str_of(s->p + n, s->len - n);
    return n > 0;
}

static bool eat(struct str *s, char c)
{
    if (!s->len || s->p[0] != c)
        return false;
    *s = str_of(s->p + 1, s->len - 1);
    return true;
}

/* Up to six digits behind the point of seconds. */
static bool fraction(struct str *s, int64_t *us)
{
    int64_t unit = US_A_SECOND / 10;
    size_t n = 0;

    for (; n < s->len && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        if (n == 6)
            return false;
        *us += (s->p[n] - '0') * unit;
        unit /= 10;
    }
    *s = str_of(s->p + n, s->len - n);
    return n > 0;
}

static void add_part(struct interval *v, int part, int64_t n)
{
    static const int64_t units[] = {
        12, 1, 1, US_A_HOUR, 60 * US_A_SECOND, US_A_SECOND};

    if (part <= MONTH)
        v->months += n * units[part];
    else if (part == DAY)
        v->days += n;
    else
        v->us += n * units[part];
}

/* One of the three groups (Y-M, D, H:M:S), from part `from` to part `to`. */
static bool group(struct str *s, int from, int to, struct interval *out)
{
    struct interval v = {0, 0, 0};
    bool minus = eat(s, '-');
    int64_t n;

    if (!minus)
        eat(s, '+');
    for (int i = from; i <= to; i++) {
        if ((i > from && !eat(s, i == MONTH ? '-' : ':')) || !digits(s, &n))
            return false;
        add_part(&v, i, n);
        if (i == SECOND && eat(s, '.') && !fraction(s, &v.us))
            return false;
    }
    out->months += minus ? -v.months : v.months;
    out->days += minus ? -v.days : v.days;
    out->us += minus ? -v.us : v.us;
    return true;
}

static int group_end(int part)
{
    return part <= MONTH ? MONTH : part == DAY ? DAY : SECOND;
}

static bool parse(struct str s, int from, int to, struct interval *out)
{
    *out = (struct interval){0, 0, 0};
    for (int i = from; i <= to; i = group_end(i) + 1) {
        int end = group_end(i) < to ? group_end(i) : to;
        if ((i > from && !eat(&s, ' ')) || !group(&s, i, end, out))
            return false;
    }
    return !s.len && interval_in_range(out);
}

bool interval_is_range(struct str from, struct str to)
{
    int first = part_index(from);

    return first >= 0 && part_index(to) > first;
}

bool interval_parse_range(struct str text, struct str from, struct str to,
                          struct interval *out)
{
    return interval_is_range(from, to) &&
           parse(text, part_index(from), part_index(to), out);
}

bool interval_parse_part(struct str text, struct str part, struct interval *out)
{
    bool plus = text.len > 1 && text.p[0] == '+' && text.p[1] != '-';
    int64_t n;

    if (str_eq(part, STR("SECOND")))
        return parse(text, SECOND, SECOND, out);
    if (plus)
        text = str_of(text.p + 1, text.len - 1);
    return str_to_i64(text, &n) && interval_of(n, part, out);
}

/* One part of ISO 8601: "-12M". */
static bool iso_part(struct str *s, bool in_time, struct interval *out)
{
    static const char dates[] = "YMWD", times[] = "HMS";
    static const char *const names[2][4] = {{"YEAR", "MONTH", "WEEK", "DAY"},
                                            {"HOUR", "MINUTE", "SECOND"}};
    bool minus = eat(s, '-'), point;
    struct interval v;
    int64_t n, us = 0;
    const char *at;

    if (!digits(s, &n) || !s->len)
        return false;
    point = eat(s, '.') || eat(s, ',');
    if ((point && !fraction(s, &us)) || !s->len || !s->p[0])
        return false;
    at = strchr(in_time ? times : dates, s->p[0]);
    if (!at || (point && *at != 'S') ||
        !interval_of(
            n, str_from(names[in_time][at - (in_time ? times : dates)]), &v))
        return false;
    *s = str_of(s->p + 1, s->len - 1);
    v.us += us;
    out->months += minus ? -v.months : v.months;
    out->days += minus ? -v.days : v.days;
    out->us += minus ? -v.us : v.us;
    return true;
}

/* Behind the P. The sum of all parts must be in range, and each of them. */
static bool parse_iso(struct str s, struct interval *out)
{
    bool in_time = false;

    *out = (struct interval){0, 0, 0};
    if (!s.len)
        return false;
    while (s.len) {
        if (!in_time && eat(&s, 'T')) {
            in_time = true;
            continue;
        }
        if (!iso_part(&s, in_time, out))
            return false;
    }
    return interval_in_range(out);
}

bool interval_parse(struct str text, struct interval *out)
{
    /* by the number of blanks, then by what holds a dash or a colon */
    static const int pairs[][2] = {{YEAR, SECOND},
                                   {YEAR, DAY},
                                   {DAY, SECOND},
                                   {YEAR, MONTH},
                                   {HOUR, SECOND}};

    if (eat(&text, 'P'))
        return parse_iso(text, out);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        if (parse(text, pairs[i][0], pairs[i][1], out))
            return true;
    }
    return false;
}

static const char *sign(int64_t v)
{
    return v < 0 ? "-" : "";
}

static long long magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

/* The fraction of a second as 3 or 6 digits, if there is one. */
static int put_fraction(char *out, size_t size, long long us)
{
    long long part = us % US_A_SECOND;

    if (!part)
        return 0;
    return part % 1000 ? snprintf(out, size, ".%06lld", part)
                       : snprintf(out, size, ".%03lld", part / 1000);
}

size_t interval_format(char *out, const struct interval *v)
{
    long long months = magnitude(v->months), us = magnitude(v->us);
    int n =
        snprintf(out, INTERVAL_TEXT_MAX, "%s%lld-%lld %lld %s%lld:%lld:%lld",
                 sign(v->months), months / 12, months % 12, (long long)v->days,
                 sign(v->us), us / US_A_HOUR, us / (60 * US_A_SECOND) % 60,
                 us / US_A_SECOND % 60);

    n += put_fraction(out + n, INTERVAL_TEXT_MAX - (size_t)n, us);
    return (size_t)n;
}

static size_t put_part(char *out, size_t n, long long v, char letter)
{
    if (!v)
        return n;
    return n + (size_t)snprintf(out + n, INTERVAL_TEXT_MAX - n, "%lld%c", v,
                                letter);
}

size_t interval_format_iso(char *out, const struct interval *v)
{
    long long us = magnitude(v->us), rest = us % (60 * US_A_SECOND);
    int sgn = v->us < 0 ? -1 : 1;
    size_t n = 1;

    out[0] = 'P';
    n = put_part(out, n, v->months / 12, 'Y');
    n = put_part(out, n, v->months % 12, 'M');
    n = put_part(out, n, v->days, 'D');
    if (us) {
        out[n++] = 'T';
        n = put_part(out, n, v->us / US_A_HOUR, 'H');
        n = put_part(out, n, sgn * (us / (60 * US_A_SECOND) % 60), 'M');
    }
    if (rest) {
        n += (size_t)snprintf(out + n, INTERVAL_TEXT_MAX - n, "%s%lld",
                              sign(v->us), rest / US_A_SECOND);
        n += (size_t)put_fraction(out + n, INTERVAL_TEXT_MAX - n, rest);
        out[n++] = 'S';
    }
    if (n == 1)
        n += (size_t)snprintf(out + n, INTERVAL_TEXT_MAX - n, "0Y");
    out[n] = '\0';
    return n;
}

int64_t interval_total_us(const struct interval *v)
{
    return (v->months * DAYS_A_MONTH + v->days) * US_A_DAY + v->us;
}

void interval_divide(struct interval *v, int64_t n)
{
    int64_t days = v->days + v->months % n * DAYS_A_MONTH;

    v->us = (v->us + days % n * US_A_DAY) / n;
    v->days = days / n;
    v->months /= n;
}
