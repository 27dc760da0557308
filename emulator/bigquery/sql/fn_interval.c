/* SPDX-License-Identifier: Apache-2.0 */
/* INTERVAL: made, added to dates and to each other, taken apart (page
 * "Interval functions"). */
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/interval.h"
#include "emulator/bigquery/sql/part.h"

static void set(struct fn *f, const struct interval *v)
{
    char out[INTERVAL_TEXT_MAX];

    if (interval_in_range(v))
        fn_set_str(f, str_of(out, interval_format(out, v)));
    else
        fn_fail(f, "Interval overflow");
}

static bool get(struct fn *f, int i, struct interval *out)
{
    if (interval_parse(fn_str(f, i), out))
        return true;
    fn_fail(f, "Invalid INTERVAL value: '%.*s'", STR_ARG(fn_str(f, i)));
    return false;
}

/* n, part */
void rt_interval(struct fn *f)
{
    struct interval v;

    if (interval_of(fn_int(f, 0), fn_str(f, 1), &v))
        set(f, &v);
    else
        fn_fail(f, "Interval overflow: INTERVAL %lld %.*s",
                (long long)fn_int(f, 0), STR_ARG(fn_str(f, 1)));
}

/* text, from, to */
void rt_interval_text(struct fn *f)
{
    struct interval v;

    if (interval_parse_range(fn_str(f, 0), fn_str(f, 1), fn_str(f, 2), &v))
        set(f, &v);
    else
        fn_fail(f, "Invalid INTERVAL value: '%.*s'", STR_ARG(fn_str(f, 0)));
}

/* year, month, day, hour, minute, second */
void rt_make_interval(struct fn *f)
{
    static const char *const parts[] = {"YEAR", "MONTH",  "DAY",
                                        "HOUR", "MINUTE", "SECOND"};
    struct interval v = {0, 0, 0}, one;

    for (int i = 0; i < 6; i++) {
        if (!interval_of(fn_int(f, i), str_from(parts[i]), &one)) {
            fn_fail(f, "Interval overflow: INTERVAL %lld %s",
                    (long long)fn_int(f, i), parts[i]);
            return;
        }
        v.months += one.months;
        v.days += one.days;
        v.us += one.us;
    }
    set(f, &v);
}

/* a, b, sign */
void rt_interval_add(struct fn *f)
{
    int64_t sign = fn_int(f, 2);
    struct interval a, b;

    if (!get(f, 0, &a) || !get(f, 1, &b))
        return;
    a.months += sign * b.months;
    a.days += sign * b.days;
    a.us += sign * b.us;
    set(f, &a);
}

void rt_interval_mul(struct fn *f)
{
    int64_t n = fn_int(f, 1);
    struct interval v;

    if (!get(f, 0, &v))
        return;
    if (__builtin_mul_overflow(v.months, n, &v.months) ||
        __builtin_mul_overflow(v.days, n, &v.days) ||
        __builtin_mul_overflow(v.us, n, &v.us))
        fn_fail(f, "Interval overflow");
    else
        set(f, &v);
}

void rt_interval_div(struct fn *f)
{
    int64_t n = fn_int(f, 1);
    struct interval v;

    if (!get(f, 0, &v))
        return;
    if (n == 0) {
        fn_fail(f, "Interval division by zero");
        return;
    }
    if (n == INT64_MIN)
        v = (struct interval){0, 0, 0};
    else
        interval_divide(&v, n);
    set(f, &v);
}

/* For comparisons. */
void rt_interval_us(struct fn *f)
{
    struct interval v;

    if (get(f, 0, &v))
        fn_set_int(f, interval_total_us(&v));
}

/* us, interval, sign, type ('M' or 'T') */
void rt_interval_shift(struct fn *f)
{
    int64_t us = fn_int(f, 0), sign = fn_int(f, 2);
    bool instant = fn_letter(f, 3) == 'T';
    const char *why = NULL;
    struct interval v;

    if (!get(f, 1, &v))
        return;
    if (instant && v.months) {
        fn_fail(f, "TIMESTAMP +/- INTERVAL is not supported for intervals with "
                   "non-zero MONTH or YEAR part");
        return;
    }
    if (v.months)
        why = part_add_civil(us, sign * v.months, STR("MONTH"), &us);
    if (!why && v.days)
        why = part_add_civil(us, sign * v.days, STR("DAY"), &us);
    if (!why)
        why = part_add_civil(us, sign * v.us, STR("MICROSECOND"), &us);
    if (why)
        fn_fail(f, "Adding INTERVAL %.*s causes %s", STR_ARG(fn_str(f, 1)),
                why);
    else
        fn_set_int(f, us);
}

/* a, b, unit ('D': days, else microseconds) */
void rt_interval_between(struct fn *f)
{
    int64_t d = fn_int(f, 0) - fn_int(f, 1);
    struct interval v = {0, 0, 0};

    if (fn_letter(f, 2) == 'D')
        v.days = d;
    else
        v.us = d;
    set(f, &v);
}

/* interval, part */
void rt_interval_part(struct fn *f)
{
    struct str part = fn_str(f, 1);
    struct interval v;
    int64_t seconds;

    if (!get(f, 0, &v))
        return;
    seconds = v.us / 1000000;
    if (str_eq(part, STR("YEAR")))
        fn_set_int(f, v.months / 12);
    else if (str_eq(part, STR("MONTH")))
        fn_set_int(f, v.months % 12);
    else if (str_eq(part, STR("DAY")))
        fn_set_int(f, v.days);
    else if (str_eq(part, STR("HOUR")))
        fn_set_int(f, seconds / 3600);
    else if (str_eq(part, STR("MINUTE")))
        fn_set_int(f, seconds / 60 % 60);
    else if (str_eq(part, STR("SECOND")))
        fn_set_int(f, seconds % 60);
    else if (str_eq(part, STR("MILLISECOND")))
        fn_set_int(f, v.us % 1000000 / 1000);
    else
        fn_set_int(f, v.us % 1000000);
}

/* Moves whole `unit`s of *low up, so that both have one sign. */
static void justify(int64_t *low, int64_t *high, int64_t unit)
{
    *high += *low / unit;
    *low %= unit;
    if (*high > 0 && *low < 0) {
        (*high)--;
        *low += unit;
    } else if (*high < 0 && *low > 0) {
        (*high)++;
        *low -= unit;
    }
}

/* interval, 'H' (24 hours are a day), 'D' (30 days are a month) or 'I' */
void rt_justify(struct fn *f)
{
    char how = fn_letter(f, 1);
    struct interval v;

    if (!get(f, 0, &v))
        return;
    if (how != 'D')
        justify(&v.us, &v.days, US_A_DAY);
    if (how != 'H')
        justify(&v.days, &v.months, 30);
    if (how == 'I' && (v.months > 0 || (v.months == 0 && v.days > 0)) &&
        v.us < 0) {
        v.us += US_A_DAY;
        v.days--;
        justify(&v.days, &v.months, 30);
    } else if (how == 'I' && (v.months < 0 || (v.months == 0 && v.days < 0)) &&
               v.us > 0) {
        v.us -= US_A_DAY;
        v.days++;
        justify(&v.days, &v.months, 30);
    }
    set(f, &v);
}
