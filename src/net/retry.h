/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again: exponential backoff with full jitter, bounded by a
 * deadline and a count, and never sooner than the server asked for.
 *
 * Pure: `now` and the random number are arguments. Threads: any. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t first_us;    /* widest first delay */
    int64_t max_us;      /* widest delay ever */
    int64_t deadline_us; /* since the first attempt; 0: none */
    unsigned attempts;   /* in all, the first included; 0: no limit */
};

/* One undertaking; zero it before the first attempt. */
struct retry {
    unsigned failures;
    int64_t started_us; /* 0: not begun */
};

/* Marks the first attempt; later calls change nothing. */
void retry_begin(struct retry *r, int64_t now_us);

/* After a failure: true and the delay before the next attempt, or false if
 * the policy is exhausted. The delay is unit * min(max, first * 2^failures)
 * (`unit` in [0, 1)), at least `retry_after_us` (0: the server said nothing;
 * what it says may exceed max_us but not the deadline). */
bool retry_next(struct retry *r, const struct retry_policy *policy,
                int64_t now_us, double unit, int64_t retry_after_us,
                int64_t *delay_us);

/* After a success. */
void retry_reset(struct retry *r);

#endif
