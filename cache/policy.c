/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/policy.h"

struct policy_times policy_times(const struct policy *p, int64_t born_us,
                                 double unit)
{
    int64_t ttl_us = p->ttl_us - (int64_t)(unit * (double)p->ttl_us / 10);

    return (struct policy_times){
        .refresh_us = born_us + ttl_us - ttl_us / 5,
        .fresh_us = born_us + ttl_us,
        .wait_us = born_us + 2 * ttl_us,
        .dead_us = born_us + ttl_us + p->stale_us,
    };
}

enum policy_state policy_state(const struct policy_times *t, int64_t now_us)
{
    if (now_us < t->fresh_us)
        return now_us < t->refresh_us ? POLICY_FRESH : POLICY_EARLY;
    /* a short limit of staleness also bounds what is served meanwhile */
    if (now_us >= t->dead_us)
        return POLICY_DEAD;
    return now_us < t->wait_us ? POLICY_STALE : POLICY_OLD;
}
