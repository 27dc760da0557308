/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones from the system's TZif files (RFC 8536), and fixed offsets.
 * A set keeps the zones that it has read; it belongs to one thread. */
#ifndef EMULATOR_BIGQUERY_SQL_TZ_H
#define EMULATOR_BIGQUERY_SQL_TZ_H

#include "common/str.h"

struct tz;
struct tz_set {
    struct tz *list;
};

void tz_set_fini(struct tz_set *set);
/* `America/Lima`, `UTC`, `+02:00`, `-5`; NULL if there is no such zone. The
 * set owns the result. */
const struct tz *tz_find(struct tz_set *set, struct str name);
const struct tz *tz_utc(void);

/* Seconds to add to UTC at that instant (microseconds since 1970). */
int64_t tz_offset(const struct tz *tz, int64_t utc_us);
/* The instant of a civil time there. In a gap: with the offset from before
 * it; where a civil time comes twice: the first. */
int64_t tz_to_utc(const struct tz *tz, int64_t local_us);

#endif
