/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the test's loop until something holds, or for some time. */
#ifndef SUPPORT_SPIN_H
#define SUPPORT_SPIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/loop.h"

/* Ends a hang; no test measures with it. */
enum {
    PATIENCE_MS = 30000
};

struct spin {
    struct loop_timer timer;
    struct loop *loop;
    bool (*is_over)(void *arg);
    void *arg;
    int64_t end_us;
    unsigned looks; /* still to be taken when the time is over */
    bool ok;
};

static inline void spin_look(struct loop_timer *t)
{
    struct spin *s = LOOP_OWNER(t, struct spin, timer);

    s->ok = s->is_over && s->is_over(s->arg);
    if (s->ok || (clock_mono_us() >= s->end_us && s->looks-- == 0))
        loop_stop(s->loop);
    else
        loop_timer_arm(t, 500);
}

/* False: not within `ms`. */
static inline bool spin_until(struct loop *loop, bool (*is_over)(void *),
                              void *arg, int ms)
{
    struct spin s = {.loop = loop, .is_over = is_over, .arg = arg};

    s.end_us = clock_mono_us() + ms * US_PER_MS;
    /* time that the machine stood still is no time for the loop: it turns a
     * few times in any case; once where no time is given */
    s.looks = ms ? 3 : 0;
    loop_timer_init(&s.timer, loop, spin_look);
    loop_timer_arm(&s.timer, 0);
    loop_run(loop);
    loop_timer_fini(&s.timer);
    return s.ok;
}

static inline void spin_for(struct loop *loop, int ms)
{
    (void)spin_until(loop, NULL, NULL, ms);
}

#endif
