/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/part.h"

#include "common/timefmt.h"
#include "emulator/bigquery/sql/civil.h"

static const char bad_part[] = "The date part is not supported here";
static const char overflow[] =
    "overflow: the result is outside of the range 0001-01-01 to 9999-12-31";

static bool is(struct str part, const char *name)
{
    return str_eq(part, str_from(name));
}

/* Microseconds in a part of fixed length, or 0. */
static int64_t fixed(struct str part)
{
    static const struct {
        const char *name;
        int64_t us;
    } table[] = {{"MICROSECOND", 1},    {"MILLISECOND", 1000},
                 {"SECOND", 1000000},   {"MINUTE", 60000000},
                 {"HOUR", 3600000000},  {"DAY", US_A_DAY},
                 {"WEEK", 7 * US_A_DAY}};

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (is(part, table[i].name))
            return table[i].us;
    }
    return 0;
}

static int64_t months_in(struct str part)
{
    return is(part, "MONTH")     ? 1
           : is(part, "QUARTER") ? 3
           : is(part, "YEAR")    ? 12
                                 : 0;
}

static const char *in_range(int64_t us)
{
    return us < CIVIL_MIN_US || us > CIVIL_MAX_US ? overflow : NULL;
}

/* The day is cut to the month's last. */
static const char *add_months(int64_t us, int64_t months, int64_t *out)
{
    struct civil c;
    int64_t total, year, month, days, day;

    civil_split(us, &c);
    if (months > 200000 || months < -200000)
        return overflow;
    total = c.year * 12 + c.month - 1 + months;
    year = floor_div(total, 12);
    month = total - year * 12 + 1;
    if (year < 1 || year > 9999)
        return overflow;
    day = c.day;
    if (day > civil_days_in_month(year, month))
        day = civil_days_in_month(year, month);
    civil_date(year, month, day, &days);
    *out = days * US_A_DAY + c.of_day;
    return NULL;
}

static const char *add_fixed(int64_t us, int64_t n, int64_t unit, int64_t *out)
{
    int64_t delta;

    if (__builtin_mul_overflow(n, unit, &delta) ||
        __builtin_add_overflow(us, delta, out))
        return overflow;
    return in_range(*out);
}

const char *part_add_civil(int64_t us, int64_t n, struct str part, int64_t *out)
{
    int64_t unit = fixed(part), months = months_in(part), total;

    if (unit)
        return add_fixed(us, n, unit, out);
    if (!months)
        return bad_part;
    if (__builtin_mul_overflow(n, months, &total))
        return overflow;
    return add_months(us, total, out);
}

const char *part_add_date(int64_t days, int64_t n, struct str part,
                          int64_t *out)
{
    const char *why;
    int64_t us;

    if (!is(part, "DAY") && !is(part, "WEEK") && !months_in(part))
        return bad_part;
    why = part_add_civil(days * US_A_DAY, n, part, &us);
    if (!why)
        *out = floor_div(us, US_A_DAY);
    return why;
}

const char *part_add_instant(int64_t us, int64_t n, struct str part,
                             int64_t *out)
{
    int64_t unit = fixed(part);

    return !unit || is(part, "WEEK") ? bad_part : add_fixed(us, n, unit, out);
}

/* 0 Sunday .. 6 Saturday of days since 1970 (a Thursday). */
static int64_t weekday(int64_t days)
{
    return days + 4 - floor_div(days + 4, 7) * 7;
}

/* First weekday of WEEK, WEEK(MONDAY), ISOWEEK; -1 if it is none of these. */
static int week_start(struct str part)
{
    static const char *const days[] = {"SUNDAY",    "MONDAY",   "TUESDAY",
                                       "WEDNESDAY", "THURSDAY", "FRIDAY",
                                       "SATURDAY"};

    if (is(part, "WEEK"))
        return 0;
    if (is(part, "ISOWEEK"))
        return 1;
    for (int i = 0; i < 7; i++) {
        size_t n = strlen(days[i]);
        if (part.len == n + 6 && !memcmp(part.p, "WEEK(", 5) &&
            !memcmp(part.p + 5, days[i], n))
            return i;
    }
    return -1;
}

static int64_t week_floor(int64_t days, int start)
{
    return days - (weekday(days) - start + 7) % 7;
}

/* The Monday of ISO year `year`'s first week: the one with 4 January. */
static int64_t iso_year_start(int64_t year)
{
    return week_floor(timefmt_days_from_civil(year, 1, 4), 1);
}

static int64_t iso_year(int64_t days)
{
    int64_t year;
    unsigned m, d;

    timefmt_civil_from_days(week_floor(days, 1) + 3, &year, &m, &d);
    return year;
}

const char *part_trunc(int64_t us, struct str part, int64_t *out)
{
    int64_t unit = fixed(part), days;
    struct civil c;

    civil_split(us, &c);
    if (unit && unit <= US_A_DAY) {
        *out = floor_div(us, unit) * unit;
        return NULL;
    }
    if (week_start(part) >= 0)
        days = week_floor(c.days, week_start(part));
    else if (is(part, "MONTH"))
        days = timefmt_days_from_civil(c.year, c.month, 1);
    else if (is(part, "QUARTER"))
        days = timefmt_days_from_civil(c.year, (c.month - 1) / 3 * 3 + 1, 1);
    else if (is(part, "YEAR"))
        days = timefmt_days_from_civil(c.year, 1, 1);
    else if (is(part, "ISOYEAR"))
        days = iso_year_start(iso_year(c.days));
    else
        return bad_part;
    *out = days * US_A_DAY;
    return in_range(*out);
}

const char *part_diff(int64_t a, int64_t b, struct str part, int64_t *out)
{
    struct civil x, y;
    int64_t unit = fixed(part);

    civil_split(a, &x);
    civil_split(b, &y);
    if (unit && unit <= US_A_DAY)
        *out = floor_div(a, unit) - floor_div(b, unit);
    else if (week_start(part) >= 0)
        *out = (week_floor(x.days, week_start(part)) -
                week_floor(y.days, week_start(part))) /
               7;
    else if (is(part, "MONTH"))
        *out = (x.year - y.year) * 12 + (int64_t)x.month - (int64_t)y.month;
    else if (is(part, "QUARTER"))
        *out = (x.year - y.year) * 4 + (int64_t)(x.month - 1) / 3 -
               (int64_t)(y.month - 1) / 3;
    else if (is(part, "YEAR"))
        *out = x.year - y.year;
    else if (is(part, "ISOYEAR"))
        *out = iso_year(x.days) - iso_year(y.days);
    else
        return bad_part;
    return NULL;
}

const char *part_diff_instant(int64_t a, int64_t b, struct str part,
                              int64_t *out)
{
    int64_t unit = fixed(part);

    if (!unit || unit > US_A_DAY)
        return bad_part;
    *out = (a - b) / unit;
    return NULL;
}

const char *part_extract(int64_t us, struct str part, int64_t *out)
{
    int64_t first, unit = fixed(part);
    struct civil c;

    civil_split(us, &c);
    first = timefmt_days_from_civil(c.year, 1, 1);
    if (is(part, "MICROSECOND"))
        *out = c.of_day % 1000000;
    else if (is(part, "MILLISECOND"))
        *out = c.of_day % 1000000 / 1000;
    else if (is(part, "SECOND") || is(part, "MINUTE"))
        *out = c.of_day / unit % 60;
    else if (is(part, "HOUR"))
        *out = c.of_day / unit;
    else if (is(part, "DAY"))
        *out = c.day;
    else if (is(part, "DAYOFWEEK"))
        *out = weekday(c.days) + 1;
    else if (is(part, "DAYOFYEAR"))
        *out = c.days - first + 1;
    else if (is(part, "MONTH"))
        *out = c.month;
    else if (is(part, "QUARTER"))
        *out = (c.month - 1) / 3 + 1;
    else if (is(part, "YEAR"))
        *out = c.year;
    else if (is(part, "ISOYEAR"))
        *out = iso_year(c.days);
    else if (is(part, "ISOWEEK"))
        *out = (c.days - iso_year_start(iso_year(c.days))) / 7 + 1;
    else if (week_start(part) >= 0) /* before the first such day: week 0 */
        *out = (c.days - first + 7 -
                (weekday(c.days) - week_start(part) + 7) % 7) /
               7;
    else
        return bad_part;
    return NULL;
}
