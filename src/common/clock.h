/* SPDX-License-Identifier: Apache-2.0 */
/* The only door to the system's clocks. Pure code takes `now` as an argument
 * instead. Wall time for what users see, monotonic time for time-outs; the
 * two are never mixed in one calculation. Threads: any. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define US_PER_MS 1000LL
#define US_PER_S  1000000LL

int64_t clock_wall_us(void); /* microseconds since 1970-01-01T00:00:00Z */
int64_t clock_mono_us(void); /* microseconds since some fixed point */

#endif
