/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a push endpoint is asked: a window of requests that may be out,
 * which begins small, grows with each success and halves with each failure
 * (slow start), and a pause after failures, doubled by each failure and halved
 * by each success, 100 ms to 60 s (Google's page "Push subscriptions", push
 * backoff). Pure; threads: one at a time. */
#ifndef EMULATOR_PUBSUB_PUSH_PACE_H
#define EMULATOR_PUBSUB_PUSH_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PUSH_WINDOW_FIRST = 4,
    PUSH_WINDOW_MAX = 256
};
#define PUSH_PAUSE_MIN_US 100000
#define PUSH_PAUSE_MAX_US 60000000

struct push_pace {
    unsigned window;
    unsigned level;    /* of the pause: 0 none, 1 the shortest */
    unsigned round;    /* failures of one round count once */
    int64_t resume_us; /* nothing is sent before */
};

void push_pace_init(struct push_pace *p);
/* May `n_out` requests that are out be joined by another? */
bool push_pace_allows(struct push_pace *p, unsigned n_out, int64_t now_us);
void push_pace_succeeded(struct push_pace *p);
/* `round`: p->round when the request was sent. `most_us`: the longest pause,
 * PUSH_PAUSE_MIN_US to PUSH_PAUSE_MAX_US. */
void push_pace_failed(struct push_pace *p, unsigned round, int64_t most_us,
                      int64_t now_us);

#endif
