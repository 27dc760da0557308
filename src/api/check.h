/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the head true: compares it with the store at the start, after each gap
 * of the channel, when it has become old, and every DATOS_CACHE_CHECK_MS in
 * the one process of the system that holds the checker's key; and knows how
 * far the head may be trusted now.
 *
 * Threads: belongs to the main loop; where it says so, any. */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/channel.h"

struct api;
struct check;
struct row_list;

struct check *check_new(struct api *api);
void check_start(struct check *c);
/* No further work; a query under way is waited for by the store's close. */
void check_stop(struct check *c);
void check_free(struct check *c);

/* channel_config's. */
void check_on_gap(struct check *c);
void check_on_state(struct check *c, bool up);

/* Any thread: some change is known to be missing here. `gen`: of the notice
 * that tells so (epoch 0: this process' own). */
void check_on_missed(struct check *c, struct generation gen);

/* Main loop: rows that were the head `age_us` ago, of a process that is gone.
 * Kept for when the store does not answer; nothing once it did. */
void check_adopt(struct check *c, const struct row_list *rows, bool complete,
                 int64_t age_us);
/* Any thread: was the head ever there; is it known to be true now? */
bool check_is_loaded(struct check *c);
bool check_is_live(struct check *c);
/* Is what is shown still the copy? */
bool check_shows_copy(struct check *c);

enum check_verdict {
    CHECK_FRESH,
    CHECK_STALE,        /* serve it, marked */
    CHECK_WAIT,         /* a comparison is under way: look again after it */
    CHECK_WAIT_BRIEFLY, /* likewise; but a stale answer is at hand */
    CHECK_NOTHING       /* nothing that may be served */
};
/* Any thread. `over_us`: how far beyond its freshness (CHECK_STALE). Begins a
 * comparison where one is due. */
enum check_verdict check_decide(struct check *c, int64_t now_us, bool may_wait,
                                int64_t *over_us);
/* Any thread: a reader waited in vain. Until the comparison under way ends,
 * stale answers are given at once. */
void check_hangs(struct check *c);
/* Any thread: until when check_decide need not be asked. */
int64_t check_trusted_until(struct check *c);
/* Any thread: can /datos be served at all? */
bool check_is_ready(struct check *c, int64_t now_us, const char **why);

#endif
