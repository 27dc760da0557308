/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/clock.h"

#include <stddef.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"

enum {
    BEHIND_MAX_US = 1000000, /* a suspended machine; less is mere drift */
    LOOK_US = 100000         /* how often the machine's time is asked */
};
#define DAY_US   (86400 * US_PER_S)
#define FIRST_US (-62135596800 * US_PER_S)          /* year 1 */
#define LAST_US  (253402300799 * US_PER_S + 999999) /* year 9999 */

struct vclock {
    int64_t base_us;  /* what it showed when the monotonic clock showed... */
    int64_t mono_us;  /* ...this */
    int64_t shift_us; /* moved by hand, against the machine's time */
    int64_t look_us;  /* monotonic: the machine's time is not asked before */
    bool frozen;
    struct vclock_watch *watches;
    struct loop_timer tell;
};

static void on_tell(struct loop_timer *timer)
{
    struct vclock *c = LOOP_OWNER(timer, struct vclock, tell);
    struct vclock_watch *next;

    for (struct vclock_watch *w = c->watches; w; w = next) {
        next = w->next;
        w->changed(w);
    }
}

struct vclock *vclock_new(struct loop *loop)
{
    struct vclock *c = MEM_NEW(struct vclock);

    c->base_us = clock_wall_us();
    c->mono_us = clock_mono_us();
    loop_timer_init(&c->tell, loop, on_tell);
    return c;
}

void vclock_free(struct vclock *c)
{
    if (!c)
        return;
    loop_timer_fini(&c->tell);
    mem_free(c);
}

int64_t vclock_now_us(struct vclock *c)
{
    int64_t now, wall, mono;

    if (c->frozen)
        return c->base_us;
    mono = clock_mono_us();
    now = c->base_us + mono - c->mono_us;
    if (mono >= c->look_us) {
        c->look_us = mono + LOOK_US;
        wall = clock_wall_us() + c->shift_us;
        if (wall - now > BEHIND_MAX_US) {
            c->base_us = wall;
            c->mono_us = mono;
            now = wall;
            loop_timer_arm(&c->tell, 0);
        }
    }
    return now > LAST_US ? LAST_US : now;
}

bool vclock_is_frozen(const struct vclock *c)
{
    return c->frozen;
}

bool vclock_is_moved(const struct vclock *c)
{
    return c->shift_us != 0;
}

int64_t vclock_delay_us(struct vclock *c, int64_t at_us)
{
    int64_t now = vclock_now_us(c);

    if (at_us <= now)
        return 0;
    if (c->frozen || at_us - now > DAY_US)
        return DAY_US;
    return at_us - now;
}

static void show(struct vclock *c, int64_t now_us)
{
    c->base_us = now_us;
    c->mono_us = clock_mono_us();
    c->shift_us = now_us - clock_wall_us();
    loop_timer_arm(&c->tell, 0);
}

int vclock_set(struct vclock *c, int64_t now_us)
{
    if (now_us < FIRST_US || now_us > LAST_US)
        return RC_INVALID;
    show(c, now_us);
    return RC_OK;
}

int vclock_advance(struct vclock *c, int64_t by_us)
{
    int64_t then;

    if (__builtin_add_overflow(vclock_now_us(c), by_us, &then))
        return RC_INVALID;
    return vclock_set(c, then);
}

void vclock_freeze(struct vclock *c, bool frozen)
{
    int64_t now = vclock_now_us(c);

    if (c->frozen == frozen)
        return;
    c->frozen = frozen;
    show(c, now);
}

void vclock_reset(struct vclock *c)
{
    c->frozen = false;
    show(c, clock_wall_us());
    c->shift_us = 0;
}

int64_t vclock_offset_us(struct vclock *c)
{
    return vclock_now_us(c) - clock_wall_us();
}

void vclock_watch(struct vclock *c, struct vclock_watch *watch)
{
    watch->next = c->watches;
    c->watches = watch;
}

void vclock_unwatch(struct vclock *c, struct vclock_watch *watch)
{
    struct vclock_watch **at = &c->watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (*at)
        *at = watch->next;
}
