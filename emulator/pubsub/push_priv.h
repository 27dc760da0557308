/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of push delivery only. */
#ifndef EMULATOR_PUBSUB_PUSH_PRIV_H
#define EMULATOR_PUBSUB_PUSH_PRIV_H

#include "common/loop.h"
#include "emulator/faults.h"
#include "emulator/identity/identity.h"
#include "emulator/pubsub/push.h"
#include "emulator/pubsub/push_body.h"
#include "emulator/pubsub/push_pace.h"
#include "emulator/pubsub/push_stats.h"
#include "net/http_client.h"

struct push_call;
struct delivery;

/* What is known of an endpoint. */
enum push_answers {
    PUSH_FRESH,   /* nothing yet */
    PUSH_ANSWERS, /* its last request was answered, whatever it said */
    PUSH_SILENT   /* or was not */
};

/* A subscription's. */
struct push {
    struct sub *sub;
    bool is_active; /* it has an endpoint now */
    struct push_pace pace;
    enum push_answers answers;
    struct push_call *calls; /* that are out */
    unsigned n_calls;
    bool has_own;                 /* one of them has the place of its own */
    size_t n_bytes, shared_bytes; /* of their bodies; beyond that place */
    int64_t lease_end_us;         /* no lease of theirs ends before */
    /* the endpoint's, for comparison and for its token */
    char *endpoint, *email, *audience;
    char *token;            /* "Bearer ..."; NULL: none yet, or none needed */
    int64_t token_until_us; /* wall */
    struct identity_wait wait;
    struct push_stats stats;
    bool is_starved; /* in the list of those that wait for room */
    struct push *next_starved;
};

/* The process's: what all share. */
struct push_pool {
    struct pubsub *service;
    struct http_client *client;
    unsigned n_calls, calls_max;
    unsigned n_extra; /* of them: beyond the first of each subscription */
    size_t own_bytes, shared_bytes; /* of bodies that are out */
    unsigned n_broken;              /* broken off for others, not yet over */
    struct push_call *oldest, *newest;
    struct loop_timer relief; /* of those that wait for a place */
    struct push *starved, **last_starved;
    unsigned n_starved;
    struct push_call *orphans; /* of subscriptions that have gone */
    struct loop_timer drain;
};

/* --- push_call.c: one request ----------------------------------------------
 */

enum push_step {
    PUSH_SEND,   /* after the timer */
    PUSH_SENT,   /* the answer is awaited */
    PUSH_FAIL,   /* a fault's answer, after the timer */
    PUSH_EXPIRE, /* a fault keeps it from being sent: the deadline will pass */
    PUSH_OVER    /* broken off: `stopped` is how it ended */
};

struct push_call {
    struct http_call http;
    struct push *push; /* NULL: the subscription has gone */
    struct push_pool *pool;
    struct push_call **list; /* the subscription's, or the orphans' */
    struct push_call *next, *prev;
    struct push_call *older, *newer; /* the pool's, by time */
    bool is_own, is_broken;          /* push_room.c */
    size_t n_bytes;
    struct taker *taker; /* its own: one message of a key at a time */
    uint64_t seq;
    uint32_t nonce;
    int64_t lease_end_us;
    unsigned round; /* of the pace */
    enum push_step step;
    enum push_result stopped;
    struct loop_timer timer;
    struct fault fault;
    bool is_repeat; /* a fault's second delivery of the same */
    char *url, *token;
    struct buf body;
    struct push_fields fields;
    int64_t start_us, deadline_us; /* monotonic; how long it may take */
    char *name;                    /* the subscription's, which may go */
};

/* Sends the delivery that `taker` (taken) was given. Ends in push_ended. */
void push_call_start(struct push *p, struct taker *taker,
                     const struct delivery *d);
/* Breaks it off; it ends later. Once it was stopped, nothing changes. */
void push_call_stop(struct push_call *c, enum push_result result);
void push_call_link(struct push_call *c, struct push_call **list);
void push_call_unlink(struct push_call *c);
void push_call_free(struct push_call *c);

/* --- push_room.c: what all share -------------------------------------------
 */
void push_room_init(struct push_pool *pool);
void push_room_fini(struct push_pool *pool);
bool push_has_room(const struct push_pool *pool, const struct push *p);
/* The call, with its body, is out. */
void push_room_take(struct push_call *c);
void push_room_leave(struct push_call *c); /* its subscription goes */
void push_room_free(struct push_call *c);  /* it is over */
/* It has something to send and no room: push_feed_next wakes it. */
void push_starve(struct push_pool *pool, struct push *p);
void push_leave_starved(struct push *p);
/* The next of those that may send now. */
void push_feed_next(struct push_pool *pool);

/* push.c: how a call ended. Frees it. */
void push_ended(struct push_call *c, enum push_result result, int status);

#endif
