/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to Redis on the loop: pipelined commands with a time-out
 * each, a breaker that fails calls at once while Redis is away and closes by
 * itself, and subscriptions. The only door to hiredis.
 *
 * The process must ignore SIGPIPE: hiredis writes with write(2).
 *
 * Threads: belongs to its loop. `done`, on_state and on_message run there;
 * redis_free must not be called from within them. */
#ifndef CACHE_REDIS_H
#define CACHE_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/redis_url.h"
#include "common/loop.h"
#include "common/str.h"

struct redis;

struct redis_config {
    const struct redis_url *url; /* borrowed for the connection's life */
    const char *ca_file;         /* rediss://; NULL: the system's */
    const char *what;            /* for the log: "cache", "channel", ... */
    int64_t connect_us;          /* to the first PONG; 0: 500 ms */
    int64_t command_us;          /* 0: 8 ms */
    /* Subscribed to before the connection counts as up. Borrowed. Such a
     * connection takes no commands. */
    const struct str *channels;
    unsigned n_channels;
    void (*on_message)(struct str channel, struct str payload, void *arg);
    /* May be NULL. */
    void (*on_state)(bool up, void *arg);
    void *arg;
};

/* Begins to connect; goes on trying until redis_free. */
struct redis *redis_new(struct loop *loop, const struct redis_config *config);
/* Pending commands get RC_CANCELLED first. */
void redis_free(struct redis *redis);

bool redis_is_up(const struct redis *redis);
/* The link is known to be dead: drop it and connect anew. */
void redis_reset(struct redis *redis, const char *why);

enum redis_type {
    REDIS_NIL,
    REDIS_TEXT,   /* `text`; status replies too */
    REDIS_NUMBER, /* `number` */
    REDIS_LIST,   /* redis_item */
    REDIS_ERROR   /* `text` says what Redis refused */
};
/* Valid until `done` returns. */
struct redis_value {
    enum redis_type type;
    struct str text;
    int64_t number;
    size_t n_items;
    const void *items;
};
struct redis_value redis_item(const struct redis_value *list, size_t i);

/* Embedded by the caller and alive until `done`, which comes exactly once,
 * never before redis_send returned. */
struct redis_command {
    void (*done)(struct redis_command *command);
    int64_t timeout_us; /* 0: the connection's */
    /* out. RC_OK: `reply` came (it may be REDIS_ERROR). RC_UNAVAILABLE: not
     * connected, or the connection broke: whether it was run is unknown.
     * RC_TIMEOUT: likewise. RC_CANCELLED. */
    int rc;
    struct redis_value reply;
    /* private */
    struct redis *redis;
    struct redis_command *next;
};
void redis_send(struct redis *redis, struct redis_command *command,
                const struct str *words, size_t n_words);

enum {
    REDIS_WORDS_MAX = 16
};

#endif
