/* SPDX-License-Identifier: Apache-2.0 */
/* INTERVAL values (page "Data types"): months, days and microseconds that do
 * not mix, each with its own sign. Stored as their text, `Y-M D H:M:S[.F]`.
 * Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_INTERVAL_H
#define EMULATOR_BIGQUERY_SQL_INTERVAL_H

#include "common/str.h"

struct interval {
    int64_t months, days, us;
};

enum {
    INTERVAL_TEXT_MAX = 80
};

/* 10,000 years each way. */
bool interval_in_range(const struct interval *v);
/* n times YEAR, QUARTER, MONTH, WEEK, DAY, HOUR ... MICROSECOND; false: no such
 * part, or out of range. */
bool interval_of(int64_t n, struct str part, struct interval *out);
/* May a text hold the parts from one to the other? */
bool interval_is_range(struct str from, struct str to);
/* `text` as INTERVAL '...' from TO to reads it: "Y-M D H:M:S.F", or what of it
 * lies between the parts. */
bool interval_parse_range(struct str text, struct str from, struct str to,
                          struct interval *out);
/* INTERVAL 'text' part: a whole number of what interval_of knows, of SECOND
 * with a fraction too. */
bool interval_parse_part(struct str text, struct str part,
                         struct interval *out);
/* As CAST reads it: the parts are told by their form, or by their letters (ISO
 * 8601: P1Y2M3W4DT5H6M7.5S, in any order, each with its own sign). */
bool interval_parse(struct str text, struct interval *out);
/* `out` holds INTERVAL_TEXT_MAX; the length is returned. */
size_t interval_format(char *out, const struct interval *v);
/* ISO 8601: P1Y2M3DT4H5M6.5S */
size_t interval_format_iso(char *out, const struct interval *v);
/* What they are compared by: months of 30 days, days of 24 hours. */
int64_t interval_total_us(const struct interval *v);
/* With what is left over of months as days, of days as time. n is not 0. */
void interval_divide(struct interval *v, int64_t n);

#endif
