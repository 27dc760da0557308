/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/breaker.h"

int64_t breaker_fail(struct breaker *b, int64_t now_us, double unit)
{
    int64_t widest = BREAKER_FIRST_US;
    int64_t delay;

    for (unsigned i = 0; i < b->failures && widest < BREAKER_MAX_US; i++)
        widest *= 2;
    if (widest > BREAKER_MAX_US)
        widest = BREAKER_MAX_US;
    if (b->failures < 1000)
        b->failures++;
    /* half fixed, half random: never at once, never all together */
    delay = widest / 2 + (int64_t)(unit * 0.5 * (double)widest);
    b->state = BREAKER_OPEN;
    b->until_us = now_us + delay;
    return delay;
}

bool breaker_try(struct breaker *b, int64_t now_us)
{
    if (b->state != BREAKER_OPEN || now_us < b->until_us)
        return false;
    b->state = BREAKER_HALF_OPEN;
    return true;
}

void breaker_succeed(struct breaker *b)
{
    *b = (struct breaker){0};
}
