/* SPDX-License-Identifier: Apache-2.0 */
/* The invalidation channel of one system, over Redis: opaque payloads, in
 * order, each with its generation (a random epoch and a counter).
 *
 * A writer publishes after its commit and acknowledges after that. A reader
 * is told of each payload, and is told "gap" whenever it cannot know that it
 * has seen them all: after connecting, after a reconnect, on a new epoch
 * (Redis restarted empty), on a jump of the counter, on a writer's own gap
 * note. After a gap it must compare with the store once.
 *
 * Threads: belongs to the loop given; callbacks run there. */
#ifndef CACHE_CHANNEL_H
#define CACHE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/rc.h"
#include "common/str.h"

struct channel;
struct redis;

struct generation {
    uint64_t epoch; /* random, never 0; 0: unknown */
    uint64_t counter;
};

struct channel_config {
    const char *redis_url; /* see cache/redis_url.h */
    const char *ca_file;   /* rediss://; NULL: the system's */
    const char *system;    /* part of every key */
    bool subscribe;        /* readers; writers leave it false */
    /* readers only, on the loop */
    void (*on_payload)(struct generation gen, struct str payload, void *arg);
    void (*on_gap)(void *arg);
    /* up: payloads flow. Down: freshness falls back to the TTL. */
    void (*on_state)(bool up, void *arg);
    void *arg;
};

RC_MUST_USE int channel_open(struct loop *loop,
                             const struct channel_config *config,
                             struct channel **out, struct err *err);

/* Publishes; embed and keep alive until `done`. `done` comes at the latest
 * after 50 ms: RC_OK, or RC_UNAVAILABLE when Redis did not take it. In the
 * second case the channel remembers that readers missed something and tells
 * them "gap" as soon as Redis is back: the caller may go on. */
struct channel_publish {
    void (*done)(struct channel_publish *op);
    struct str payload; /* borrowed until done */
    int rc;
    struct generation gen; /* RC_OK: the one it got */
    /* private */
    struct channel *channel;
    struct channel_publish *next;
    int64_t deadline_us;
    int state;
};
/* Several calls in one turn of the loop travel together. */
void channel_publish(struct channel *channel, struct channel_publish *op);

bool channel_is_up(const struct channel *channel);
/* The newest that a reader knows of; epoch 0: none that stands for all that
 * was published. */
struct generation channel_generation(const struct channel *channel);
/* Its connection for commands, for others on the same loop to share, so that
 * a loop has one. Borrowed. */
struct redis *channel_redis(struct channel *channel);
void channel_close(struct channel *channel); /* pending `done` fire first */

#endif
