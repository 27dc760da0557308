/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 times in and out, as microseconds since 1970 in UTC.
 * Pure; threads: any. */
#ifndef COMMON_TIMEFMT_H
#define COMMON_TIMEFMT_H

#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

/* Enough for any of the formats below and a NUL. */
#define TIMEFMT_MAX 40

/* Reads `2025-01-14T10:00:00[.f{1,6}](Z|+hh:mm|-hh:mm)` (RFC 3339 section
 * 5.6; `t`, `z` and a blank for T are accepted as it allows). Refuses leap
 * seconds, impossible dates, more than six fraction digits, years below 1,
 * times that leave years 1..9999 in UTC. RC_INVALID, and `*reason` (may be
 * NULL) gets a constant sentence. */
RC_MUST_USE int timefmt_parse(struct str text, int64_t *out_us,
                              const char **reason);

/* `2024-01-14T14:00:00+00:00`, with six fraction digits only when not zero.
 * Returns the length; `out` holds TIMEFMT_MAX. `us` within years 1..9999. */
size_t timefmt_format(char *out, int64_t us);
/* The same with `Z`, as Google's APIs print. */
size_t timefmt_format_z(char *out, int64_t us);
/* `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110 section 5.6.7), 29 bytes. */
size_t timefmt_format_http(char *out, int64_t us);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. */
int64_t timefmt_days_from_civil(int64_t year, unsigned month, unsigned day);
void timefmt_civil_from_days(int64_t days, int64_t *year, unsigned *month,
                             unsigned *day);

#endif
