/* SPDX-License-Identifier: Apache-2.0 */
#include "http/deadline.h"

#include <stddef.h>

#include "common/clock.h"

/* The timer never fires more often: a time-out may be this late. */
enum {
    GRAIN_US = 50000
};

static void rearm(struct deadlines *all, int64_t now_us)
{
    int64_t first = INT64_MAX;

    for (int i = 1; i < DEADLINE_N_CLASSES; i++) {
        struct deadline *d = all->heads[i].next;
        if (d != &all->heads[i] && d->at_us < first)
            first = d->at_us;
    }
    all->armed_us = first;
    if (first == INT64_MAX)
        return;
    if (all->armed_us < now_us + GRAIN_US)
        all->armed_us = now_us + GRAIN_US;
    loop_timer_arm(&all->timer, all->armed_us - now_us);
}

static void on_timer(struct loop_timer *timer)
{
    struct deadlines *all = LOOP_OWNER(timer, struct deadlines, timer);
    int64_t now_us = loop_now_us(all->loop);

    for (int i = 1; i < DEADLINE_N_CLASSES; i++) {
        struct deadline *head = &all->heads[i];
        while (head->next != head && head->next->at_us <= now_us) {
            struct deadline *d = head->next;
            deadline_leave(d);
            d->expire(d, (enum deadline_class)i);
        }
    }
    rearm(all, now_us);
}

void deadlines_init(struct deadlines *all, struct loop *loop)
{
    for (int i = 0; i < DEADLINE_N_CLASSES; i++)
        all->heads[i].prev = all->heads[i].next = &all->heads[i];
    all->loop = loop;
    all->armed_us = INT64_MAX;
    loop_timer_init(&all->timer, loop, on_timer);
}

void deadlines_fini(struct deadlines *all)
{
    loop_timer_fini(&all->timer);
}

void deadline_leave(struct deadline *d)
{
    if (!d->next)
        return;
    d->prev->next = d->next;
    d->next->prev = d->prev;
    d->prev = d->next = NULL;
    d->class = DEADLINE_NONE;
}

void deadline_set(struct deadlines *all, struct deadline *d,
                  enum deadline_class class, int64_t now_us)
{
    struct deadline *head = &all->heads[class];

    deadline_leave(d);
    if (class == DEADLINE_NONE)
        return;
    d->class = class;
    d->at_us = now_us + all->duration_us[class];
    d->prev = head->prev;
    d->next = head;
    head->prev->next = d;
    head->prev = d;
    /* Later members of a list never fall due before its first. */
    if (head->next == d && d->at_us < all->armed_us)
        rearm(all, now_us);
}
