/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker: closed (calls go), open (calls fail at once), half-open
 * (one attempt is under way). After a failure it stays open for a time that
 * doubles up to a bound, with jitter, so that many processes do not return at
 * one instant.
 *
 * Pure: `now` and the random number are arguments. Threads: one at a time. */
#ifndef CACHE_BREAKER_H
#define CACHE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_HALF_OPEN
};

struct breaker {
    enum breaker_state state;
    unsigned failures; /* in a row */
    int64_t until_us;  /* open: when the next attempt may be made */
};

enum {
    BREAKER_FIRST_US = 20000,
    BREAKER_MAX_US = 1000000
};

/* The attempt, or what was in use, failed. `unit` in [0, 1). Returns the
 * delay until the next attempt. */
int64_t breaker_fail(struct breaker *b, int64_t now_us, double unit);
/* Open and due: becomes half-open and returns true, once. */
bool breaker_try(struct breaker *b, int64_t now_us);
void breaker_succeed(struct breaker *b);

#endif
