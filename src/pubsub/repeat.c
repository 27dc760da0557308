/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/repeat.h"

#include "common/clock.h"

const struct retry_policy *repeat_policy(const struct google *google)
{
    static const struct retry_policy far = {
        .first_us = 100 * US_PER_MS,
        .max_us = 20 * US_PER_S,
    };
    static const struct retry_policy here = {
        .first_us = 30 * US_PER_MS,
        .max_us = 500 * US_PER_MS,
    };

    return google_endpoint(google)->is_emulator ? &here : &far;
}
