/* SPDX-License-Identifier: Apache-2.0 */
/* How long a value counts as fresh, and what may be done with it afterwards.
 * Pure: `now` and the random number are arguments. */
#ifndef CACHE_POLICY_H
#define CACHE_POLICY_H

#include <stdint.h>

struct policy {
    int64_t ttl_us;   /* fresh */
    int64_t stale_us; /* may be served after that while the store is down */
};

struct policy_times {
    int64_t refresh_us; /* from here on refreshed ahead of its end */
    int64_t fresh_us;   /* until here fresh */
    int64_t wait_us;    /* until here served stale while one refreshes */
    int64_t dead_us;    /* until here served if the store is down */
};

enum policy_state {
    POLICY_FRESH,
    POLICY_EARLY, /* fresh; one should refresh it now */
    POLICY_STALE, /* serve it and refresh */
    POLICY_OLD,   /* wait for a refresh; serve it if that fails */
    POLICY_DEAD
};

/* `born_us`: when the store was asked. The TTL is cut by up to a tenth at
 * random, so that values made together do not end together. */
struct policy_times policy_times(const struct policy *p, int64_t born_us,
                                 double unit);
enum policy_state policy_state(const struct policy_times *t, int64_t now_us);

#endif
