/* SPDX-License-Identifier: Apache-2.0 */
/* DATE_BUCKET, DATETIME_BUCKET, TIMESTAMP_BUCKET (page "Time series
 * functions"): the lower bound of the bucket that holds a date. */
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/interval.h"
#include "emulator/bigquery/sql/part.h"

/* Why the width does not do for the type ('D', 'M', 'T'), or NULL. */
static const char *bad_width(const struct interval *w, char type)
{
    int n = (w->months != 0) + (w->days != 0) + (w->us != 0);

    if (n != 1 || w->months < 0 || w->days < 0 || w->us < 0)
        return "The bucket width must be a positive INTERVAL of one part";
    if (type == 'T' && w->months)
        return "TIMESTAMP_BUCKET does not support a bucket width with a MONTH "
               "or YEAR part";
    if (type == 'D' && w->us)
        return "DATE_BUCKET does not support a bucket width with a part below "
               "DAY";
    return NULL;
}

static int64_t months_of(int64_t us)
{
    struct civil c;

    civil_split(us, &c);
    return c.year * 12 + c.month;
}

/* Buckets of months count from the origin, whose day a short month cuts. */
static const char *month_bucket(int64_t us, int64_t origin, int64_t months,
                                int64_t *out)
{
    int64_t n = floor_div(months_of(us) - months_of(origin), months);
    const char *why = part_add_civil(origin, n * months, STR("MONTH"), out);

    if (!why && *out > us)
        why = part_add_civil(origin, (n - 1) * months, STR("MONTH"), out);
    return why;
}

/* value, width, origin, type */
void rt_bucket(struct fn *f)
{
    char type = fn_letter(f, 3);
    int64_t scale = type == 'D' ? US_A_DAY : 1, unit, out = 0;
    int64_t us = fn_int(f, 0) * scale, origin = fn_int(f, 2) * scale;
    const char *why;
    struct interval w;

    if (!interval_parse(fn_str(f, 1), &w)) {
        fn_fail(f, "Invalid INTERVAL value: '%.*s'", STR_ARG(fn_str(f, 1)));
        return;
    }
    why = bad_width(&w, type);
    if (!why && w.months) {
        why = month_bucket(us, origin, w.months, &out);
    } else if (!why) {
        unit = w.days * US_A_DAY + w.us;
        out = origin + floor_div(us - origin, unit) * unit;
        if (out < CIVIL_MIN_US)
            why = "overflow: the bucket begins before 0001-01-01";
    }
    if (why)
        fn_fail(f, "%s", why);
    else
        fn_set_int(f, floor_div(out, scale));
}
