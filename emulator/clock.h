/* SPDX-License-Identifier: Apache-2.0 */
/* The emulators' clock: wall time that a test may move, freeze and let go.
 * Leases, retention, backoff and expiry read this one and no other; times
 * inside signed tokens, and time-outs of connections, do not.
 *
 * It runs on the monotonic clock, so that a correction of the machine's time
 * never takes it backwards; after a suspended machine it catches up. Only a
 * PUT of an earlier `now` sets it back: services must survive that.
 * Threads: loop-confined. */
#ifndef EMULATOR_CLOCK_H
#define EMULATOR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"

struct loop;
struct vclock;

/* Told, on the loop and never within the call that changed it, that the clock
 * was moved, frozen or let go: whatever was armed with vclock_delay_us is to
 * be armed anew. Embedded by its owner. */
struct vclock_watch {
    void (*changed)(struct vclock_watch *watch);
    struct vclock_watch *next;
};

/* Starts at the machine's time. */
struct vclock *vclock_new(struct loop *loop);
void vclock_free(struct vclock *c);

/* Microseconds since 1970 in UTC. Cheap: for each message if need be. */
int64_t vclock_now_us(struct vclock *c);
bool vclock_is_frozen(const struct vclock *c);
/* By hand, and not let go since: what it shows is not the machine's time. */
bool vclock_is_moved(const struct vclock *c);

/* How long, in real microseconds for loop_timer_arm, until the clock shows
 * `at_us`: 0 if it already does. While frozen a time ahead never comes by
 * itself: then a day (the watch tells when that changes). */
int64_t vclock_delay_us(struct vclock *c, int64_t at_us);

/* Moves. Times outside the years 1 to 9999: RC_INVALID, nothing changes. */
RC_MUST_USE int vclock_set(struct vclock *c, int64_t now_us);
RC_MUST_USE int vclock_advance(struct vclock *c, int64_t by_us);
void vclock_freeze(struct vclock *c, bool frozen);
/* Back to the machine's time. */
void vclock_reset(struct vclock *c);
/* Distance from the machine's time, for state that outlives the process. */
int64_t vclock_offset_us(struct vclock *c);

void vclock_watch(struct vclock *c, struct vclock_watch *watch);
void vclock_unwatch(struct vclock *c, struct vclock_watch *watch);

#endif
