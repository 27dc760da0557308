/* SPDX-License-Identifier: Apache-2.0 */
/* Time-outs that cost a request two list operations and no timer.
 *
 * Each class has one duration, so its list is ordered by itself: who sets a
 * deadline goes to the end. One timer looks at the lists' heads.
 * Threads: one loop. */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include <stdint.h>

#include "common/loop.h"

enum deadline_class {
    DEADLINE_NONE,
    DEADLINE_HEADER,
    DEADLINE_BODY,
    DEADLINE_IDLE,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
    DEADLINE_N_CLASSES
};

struct deadline {
    struct deadline *prev, *next; /* NULL: in no list */
    int64_t at_us;
    enum deadline_class class;
    void (*expire)(struct deadline *d, enum deadline_class class);
};

struct deadlines {
    struct deadline heads[DEADLINE_N_CLASSES]; /* of circular lists */
    int64_t duration_us[DEADLINE_N_CLASSES];
    struct loop_timer timer;
    int64_t armed_us; /* INT64_MAX: not armed */
    struct loop *loop;
};

/* `duration_us` of each class is set by the caller after init. */
void deadlines_init(struct deadlines *all, struct loop *loop);
/* All members have left. */
void deadlines_fini(struct deadlines *all);

/* (Re)starts the time of `class`; DEADLINE_NONE leaves. `d->expire` is called
 * once when it passed, `d` having left its list. */
void deadline_set(struct deadlines *all, struct deadline *d,
                  enum deadline_class class, int64_t now_us);
void deadline_leave(struct deadline *d);

#endif
