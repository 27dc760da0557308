/* SPDX-License-Identifier: Apache-2.0 */
/* DATE, TIME, DATETIME and TIMESTAMP: made from each other and calculated
 * with. */
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/part.h"

static void put(struct fn *f, const char *why, int64_t v)
{
    if (why)
        fn_fail(f, "%s", why);
    else
        fn_set_int(f, v);
}

static void put_instant(struct fn *f, int64_t us)
{
    if (us < CIVIL_MIN_US || us > CIVIL_MAX_US)
        fn_fail(f, "Timestamp is out of range: 0001-01-01 00:00:00 to "
                   "9999-12-31 23:59:59.999999 UTC");
    else
        fn_set_int(f, us);
}

void rt_date_ymd(struct fn *f)
{
    int64_t days;

    if (civil_date(fn_int(f, 0), fn_int(f, 1), fn_int(f, 2), &days))
        fn_set_int(f, days);
    else
        fn_fail(f, "Input calculates to invalid date: %lld-%02lld-%02lld",
                (long long)fn_int(f, 0), (long long)fn_int(f, 1),
                (long long)fn_int(f, 2));
}

void rt_time_hms(struct fn *f)
{
    int64_t us;

    if (civil_time(fn_int(f, 0), fn_int(f, 1), fn_int(f, 2), 0, &us))
        fn_set_int(f, us);
    else
        fn_fail(f, "Input calculates to invalid time: %lld:%02lld:%02lld",
                (long long)fn_int(f, 0), (long long)fn_int(f, 1),
                (long long)fn_int(f, 2));
}

void rt_dt_parts(struct fn *f)
{
    int64_t days, us;

    if (civil_date(fn_int(f, 0), fn_int(f, 1), fn_int(f, 2), &days) &&
        civil_time(fn_int(f, 3), fn_int(f, 4), fn_int(f, 5), 0, &us))
        fn_set_int(f, days * US_A_DAY + us);
    else
        fn_fail(f,
                "Input calculates to invalid datetime: "
                "%lld-%02lld-%02lldT%02lld:%02lld:%02lld",
                (long long)fn_int(f, 0), (long long)fn_int(f, 1),
                (long long)fn_int(f, 2), (long long)fn_int(f, 3),
                (long long)fn_int(f, 4), (long long)fn_int(f, 5));
}

void rt_date_time(struct fn *f)
{
    fn_set_int(f, fn_int(f, 0) * US_A_DAY + fn_int(f, 1));
}

void rt_dt_date(struct fn *f)
{
    fn_set_int(f, floor_div(fn_int(f, 0), US_A_DAY));
}

void rt_dt_time(struct fn *f)
{
    int64_t us = fn_int(f, 0);
    fn_set_int(f, us - floor_div(us, US_A_DAY) * US_A_DAY);
}

static bool local(struct fn *f, int zone, int64_t *us)
{
    const struct tz *z = fn_zone(f, zone);

    if (z)
        *us += tz_offset(z, *us) * 1000000;
    return z != NULL;
}

void rt_ts_date(struct fn *f)
{
    int64_t us = fn_int(f, 0);

    if (local(f, 1, &us))
        fn_set_int(f, floor_div(us, US_A_DAY));
}

void rt_ts_dt(struct fn *f)
{
    int64_t us = fn_int(f, 0);

    if (local(f, 1, &us))
        fn_set_int(f, us);
}

void rt_ts_time(struct fn *f)
{
    int64_t us = fn_int(f, 0);

    if (local(f, 1, &us))
        fn_set_int(f, us - floor_div(us, US_A_DAY) * US_A_DAY);
}

void rt_ts_text(struct fn *f)
{
    const struct tz *z = fn_zone(f, 1);
    struct str s = fn_str(f, 0);
    int64_t us;

    if (!z)
        return;
    if (civil_parse_timestamp(s, z, fn_zones(f), &us))
        fn_set_int(f, us);
    else
        fn_fail(f, "Invalid timestamp: '%.*s'", STR_ARG(s));
}

void rt_date_ts(struct fn *f)
{
    const struct tz *z = fn_zone(f, 1);

    if (z)
        put_instant(f, tz_to_utc(z, fn_int(f, 0) * US_A_DAY));
}

void rt_dt_ts(struct fn *f)
{
    const struct tz *z = fn_zone(f, 1);

    if (z)
        put_instant(f, tz_to_utc(z, fn_int(f, 0)));
}

void rt_ts_string(struct fn *f)
{
    const struct tz *z = fn_zone(f, 1);
    char out[CIVIL_TEXT_MAX];

    if (z)
        fn_set_str(f,
                   str_of(out, civil_format_timestamp(out, fn_int(f, 0), z)));
}

/* --- adding: (value, n, part) ----------------------------------------------
 */

typedef const char *add_fn(int64_t, int64_t, struct str, int64_t *);

static void add(struct fn *f, add_fn *how, bool minus)
{
    int64_t n = fn_int(f, 1), v = 0;
    const char *why;

    if (minus && n == INT64_MIN) {
        fn_fail(f, "int64 overflow: -(%lld)", (long long)n);
        return;
    }
    why = how(fn_int(f, 0), minus ? -n : n, fn_str(f, 2), &v);
    put(f, why, v);
}

void rt_date_add(struct fn *f)
{
    add(f, part_add_date, false);
}

void rt_date_sub(struct fn *f)
{
    add(f, part_add_date, true);
}

void rt_dt_add(struct fn *f)
{
    add(f, part_add_civil, false);
}

void rt_dt_sub(struct fn *f)
{
    add(f, part_add_civil, true);
}

void rt_ts_add(struct fn *f)
{
    add(f, part_add_instant, false);
}

void rt_ts_sub(struct fn *f)
{
    add(f, part_add_instant, true);
}

/* TIME wraps around at midnight. */
static const char *add_time(int64_t us, int64_t n, struct str part,
                            int64_t *out)
{
    int64_t one;
    const char *why = part_add_instant(0, 1, part, &one);

    if (why || one >= US_A_DAY)
        return "The date part is not supported here";
    n %= US_A_DAY / one;
    us += n * one;
    *out = us - floor_div(us, US_A_DAY) * US_A_DAY;
    return NULL;
}

void rt_time_add(struct fn *f)
{
    add(f, add_time, false);
}

void rt_time_sub(struct fn *f)
{
    add(f, add_time, true);
}

/* --- differences: (a, b, part) ---------------------------------------------
 */

void rt_date_diff(struct fn *f)
{
    struct str part = fn_str(f, 2);
    const char *why;
    int64_t v = 0;

    if (str_ends(part, STR("SECOND")) || str_eq(part, STR("MINUTE")) ||
        str_eq(part, STR("HOUR")))
        why = "DATE_DIFF does not support this date part";
    else
        why = part_diff(fn_int(f, 0) * US_A_DAY, fn_int(f, 1) * US_A_DAY, part,
                        &v);
    put(f, why, v);
}

void rt_dt_diff(struct fn *f)
{
    const char *why;
    int64_t v = 0;

    why = part_diff(fn_int(f, 0), fn_int(f, 1), fn_str(f, 2), &v);
    put(f, why, v);
}

void rt_ts_diff(struct fn *f)
{
    int64_t v = 0;
    const char *why =
        part_diff_instant(fn_int(f, 0), fn_int(f, 1), fn_str(f, 2), &v);
    put(f, why, v);
}

void rt_time_diff(struct fn *f)
{
    rt_dt_diff(f);
}

/* --- cutting: (value, part[, zone]) -----------------------------------------
 */

void rt_date_trunc(struct fn *f)
{
    int64_t us = 0;
    const char *why = part_trunc(fn_int(f, 0) * US_A_DAY, fn_str(f, 1), &us);

    if (!why && str_ends(fn_str(f, 1), STR("SECOND")))
        why = "DATE_TRUNC does not support this date part";
    put(f, why, floor_div(us, US_A_DAY));
}

void rt_dt_trunc(struct fn *f)
{
    int64_t us = 0;
    const char *why = part_trunc(fn_int(f, 0), fn_str(f, 1), &us);
    put(f, why, us);
}

void rt_time_trunc(struct fn *f)
{
    rt_dt_trunc(f);
}

void rt_ts_trunc(struct fn *f)
{
    const struct tz *z = fn_zone(f, 2);
    struct str part = fn_str(f, 1);
    int64_t us = fn_int(f, 0), civil, cut = 0;
    const char *why;

    if (!z)
        return;
    if (str_ends(part, STR("SECOND")) || str_eq(part, STR("MINUTE"))) {
        why = part_trunc(us, part, &us);
        put(f, why, us);
        return;
    }
    civil = us + tz_offset(z, us) * 1000000;
    why = part_trunc(civil, part, &cut);
    if (why)
        fn_fail(f, "%s", why);
    else if (str_eq(part, STR("HOUR"))) /* civil hours may come twice */
        put_instant(f, us - (civil - cut));
    else
        put_instant(f, tz_to_utc(z, cut));
}

void rt_last_day(struct fn *f)
{
    int64_t us = fn_int(f, 0) * US_A_DAY, start = 0, next = 0;
    struct str part = fn_str(f, 1);
    const char *why = part_trunc(us, part, &start);

    if (!why && part.p[0] == 'W')
        next = start + 7 * US_A_DAY;
    else if (!why && str_eq(part, STR("ISOWEEK")))
        next = start + 7 * US_A_DAY;
    else if (!why && str_eq(part, STR("ISOYEAR")))
        why = part_trunc(start + 371 * US_A_DAY, part, &next);
    else if (!why)
        why = part_add_civil(start, 1, part, &next);
    put(f, why, floor_div(next, US_A_DAY) - 1);
}

/* (type letter, part, value, zone) */
void rt_extract(struct fn *f)
{
    char type = fn_letter(f, 0);
    struct str part = fn_str(f, 1);
    int64_t v = fn_int(f, 2), out = 0;
    const char *why;

    if (type == 'D')
        v *= US_A_DAY;
    if (type == 'T' && !local(f, 3, &v))
        return;
    if (str_eq(part, STR("DATE"))) {
        fn_set_int(f, floor_div(v, US_A_DAY));
    } else if (str_eq(part, STR("TIME"))) {
        fn_set_int(f, v - floor_div(v, US_A_DAY) * US_A_DAY);
    } else if (str_eq(part, STR("DATETIME"))) {
        fn_set_int(f, v);
    } else {
        why = part_extract(v, part, &out);
        put(f, why, out);
    }
}

void rt_unix(struct fn *f)
{
    fn_set_int(f, floor_div(fn_int(f, 0), fn_int(f, 1)));
}

void rt_from_unix(struct fn *f)
{
    int64_t us;

    if (__builtin_mul_overflow(fn_int(f, 0), fn_int(f, 1), &us))
        us = INT64_MAX;
    put_instant(f, us);
}

void rt_check_date(struct fn *f)
{
    int64_t d = fn_int(f, 0);

    if (d < CIVIL_MIN_DAY || d > CIVIL_MAX_DAY)
        fn_fail(f, "Date is out of range: %lld days since 1970-01-01",
                (long long)d);
    else
        fn_set_int(f, d);
}
