/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from Pub/Sub into the store: received, validated, committed,
 * acknowledged; or put onto the dead-letter topic with the reason.
 *
 * Threads: an ingest belongs to one loop. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"
#include "pubsub/subscriber.h"

struct channel;
struct ingest;
struct loop;
struct metrics;
struct schema;
struct settings;
struct store;
struct token_source;

/* All borrowed for the ingest's life, except that texts are copied. */
struct ingest_config {
    const char *project, *subscription, *dead_letter_topic;
    const char *pubsub_emulator_host; /* NULL: the real service */
    struct token_source *tokens;      /* NULL: none (emulator) */
    const struct schema *schema;
    int64_t max_future_s;
    struct store *store;
    struct channel *channel; /* NULL: no Redis */
    struct metrics *metrics;
    bool is_push; /* nothing is pulled: ingest_push brings the messages */
    /* This process's own readers, told after a commit. NULL: none. */
    void (*on_commit)(struct str notice, void *arg);
    /* The first time that messages can flow. May be NULL. */
    void (*on_ready)(void *arg);
    void *arg;
};

/* A message that was pushed. Embedded by its caller, who keeps it and what it
 * points to until `done`: once, on the loop, never before ingest_push
 * returned. */
struct ingest_push {
    struct message message;
    void (*done)(struct ingest_push *push);
    bool ok; /* stored, or on the dead-letter topic; else: deliver it again */
    struct ingest_push *prev, *next; /* private */
};
/* `is_push` only, on the loop, not after ingest_stop. */
void ingest_push(struct ingest *ingest, struct ingest_push *push);

/* Begins to pull at once. RC_INVALID: a setting, named in `err`. */
RC_MUST_USE int ingest_new(struct loop *loop,
                           const struct ingest_config *config,
                           struct ingest **out, struct err *err);

/* Does work flow? If not, `*why` gets a constant sentence. Any thread. */
bool ingest_is_ready(struct ingest *ingest, const char **why);

/* Stops pulling, commits and acknowledges what it holds or gives it back,
 * within `grace_us`; frees itself, then calls `done` on the loop. */
void ingest_stop(struct ingest *ingest, int64_t grace_us,
                 void (*done)(void *arg), void *arg);

/* `datos ingest`: the role as a process. `ready_fd` (-1: none) gets one line
 * of JSON and is closed once messages flow. Returns the exit code. */
int ingest_main(const struct settings *settings, int ready_fd);

#endif
