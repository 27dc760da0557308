/* SPDX-License-Identifier: Apache-2.0 */
/* Date parts: adding, cutting, counting, extracting. Times are microseconds
 * (see civil.h); functions return NULL or a constant sentence that says why
 * not; one that begins with "overflow" means beyond years 1 to 9999. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_PART_H
#define EMULATOR_BIGQUERY_SQL_PART_H

#include "common/str.h"

const char *part_add_date(int64_t days, int64_t n, struct str part,
                          int64_t *out);
const char *part_add_civil(int64_t us, int64_t n, struct str part,
                           int64_t *out);
/* Instants know no months: parts up to DAY. */
const char *part_add_instant(int64_t us, int64_t n, struct str part,
                             int64_t *out);
const char *part_trunc(int64_t us, struct str part, int64_t *out);
/* Boundaries of the part between b and a (DATE_DIFF, DATETIME_DIFF). */
const char *part_diff(int64_t a, int64_t b, struct str part, int64_t *out);
/* Whole parts between two instants (TIMESTAMP_DIFF). */
const char *part_diff_instant(int64_t a, int64_t b, struct str part,
                              int64_t *out);
const char *part_extract(int64_t us, struct str part, int64_t *out);

#endif
