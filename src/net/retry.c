/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

void retry_begin(struct retry *r, int64_t now_us)
{
    if (r->started_us == 0)
        r->started_us = now_us ? now_us : 1;
}

/* min(max, first * 2^failures) without overflow. */
static int64_t ceiling(const struct retry_policy *policy, unsigned failures)
{
    int64_t wide = policy->first_us;

    while (failures-- > 0 && wide < policy->max_us)
        wide = wide > policy->max_us / 2 ? policy->max_us : wide * 2;
    return wide < policy->max_us ? wide : policy->max_us;
}

bool retry_next(struct retry *r, const struct retry_policy *policy,
                int64_t now_us, double unit, int64_t retry_after_us,
                int64_t *delay_us)
{
    int64_t delay;

    retry_begin(r, now_us);
    delay = (int64_t)(unit * (double)ceiling(policy, r->failures));
    if (delay < retry_after_us)
        delay = retry_after_us;
    r->failures++;
    if (policy->attempts && r->failures >= policy->attempts)
        return false;
    if (policy->deadline_us &&
        now_us - r->started_us + delay > policy->deadline_us)
        return false;
    *delay_us = delay;
    return true;
}

void retry_reset(struct retry *r)
{
    *r = (struct retry){0};
}
