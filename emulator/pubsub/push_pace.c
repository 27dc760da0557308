/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/push_pace.h"

#include "emulator/pubsub/subcore.h"

enum {
    LEVEL_MAX = 11 /* 100 ms * 2^10 is past a minute */
};

void push_pace_init(struct push_pace *p)
{
    *p = (struct push_pace){.window = PUSH_WINDOW_FIRST};
}

bool push_pace_allows(struct push_pace *p, unsigned n_out, int64_t now_us)
{
    /* a clock that was set back must not pause it for longer */
    if (p->resume_us > now_us + PUSH_PAUSE_MAX_US)
        p->resume_us = now_us + PUSH_PAUSE_MAX_US;
    return now_us >= p->resume_us && n_out < p->window;
}

void push_pace_succeeded(struct push_pace *p)
{
    if (p->window < PUSH_WINDOW_MAX)
        p->window++;
    if (p->level > 0)
        p->level--;
}

void push_pace_failed(struct push_pace *p, unsigned round, int64_t most_us,
                      int64_t now_us)
{
    if (round != p->round)
        return;
    p->round++;
    p->window = p->window > 1 ? p->window / 2 : 1;
    if (p->level < LEVEL_MAX)
        p->level++;
    p->resume_us = now_us + backoff_us(PUSH_PAUSE_MIN_US, most_us, p->level);
}
