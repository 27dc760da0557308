/* SPDX-License-Identifier: Apache-2.0 */
/* The POSIX TZ rule at the end of a TZif file: what holds after its last
 * transition. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_TZ_RULE_H
#define EMULATOR_BIGQUERY_SQL_TZ_RULE_H

#include "common/str.h"

struct tz_type {
    int64_t offset; /* seconds east */
    bool is_dst;
    char name[16];
};

struct tz_date { /* Mm.w.d, Jn or n */
    char kind;
    int month, week, day;
    int64_t time; /* seconds into the local day */
};

struct tz_rule {
    struct tz_type std, dst;
    bool has_dst;
    struct tz_date start, end;
};

/* `EST5EDT,M3.2.0,M11.1.0`, ended by a line end. */
bool tz_rule_parse(struct tz_rule *r, const char *p, size_t len);
const struct tz_type *tz_rule_at(const struct tz_rule *r, int64_t utc_s);

#endif
