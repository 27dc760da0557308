/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, times and instants as numbers, and their canonical texts.
 *
 * DATE: days since 1970; TIME: microseconds of the day; DATETIME: microseconds
 * since 1970 without a zone; TIMESTAMP: the same in UTC. Years 1 to 9999.
 * Pure, except that zones may be read from files. */
#ifndef EMULATOR_BIGQUERY_SQL_CIVIL_H
#define EMULATOR_BIGQUERY_SQL_CIVIL_H

#include "emulator/bigquery/sql/tz.h"

#define US_A_DAY      86400000000LL
#define CIVIL_MIN_US  (-62135596800000000LL)
#define CIVIL_MAX_US  253402300799999999LL
#define CIVIL_MIN_DAY (-719162LL)
#define CIVIL_MAX_DAY 2932896LL

enum {
    CIVIL_TEXT_MAX = 48
};

static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil {
    int64_t year;
    unsigned month, day;
    int64_t of_day; /* microseconds */
    int64_t days;
};

void civil_split(int64_t us, struct civil *out);
bool civil_is_leap(int64_t year);
int civil_days_in_month(int64_t year, int64_t month);
/* False for dates that do not exist, years beyond 1..9999. */
bool civil_date(int64_t y, int64_t m, int64_t d, int64_t *days);
bool civil_time(int64_t h, int64_t m, int64_t s, int64_t us, int64_t *out);

/* The texts that CAST reads; fractions of at most six digits. */
bool civil_parse_date(struct str s, int64_t *days);
bool civil_parse_time(struct str s, int64_t *us);
bool civil_parse_datetime(struct str s, int64_t *us);
/* With a zone in the text, else `zone` (NULL: UTC). */
bool civil_parse_timestamp(struct str s, const struct tz *zone,
                           struct tz_set *zones, int64_t *us);

/* `out` holds CIVIL_TEXT_MAX; the length is returned. */
size_t civil_format_date(char *out, int64_t days);
size_t civil_format_time(char *out, int64_t us);
size_t civil_format_datetime(char *out, int64_t us, char sep);
/* `2025-01-14 10:00:00.5-05`: fractions of 3 or 6 digits as needed. */
size_t civil_format_timestamp(char *out, int64_t us, const struct tz *zone);

#endif
