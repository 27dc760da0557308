/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a message, one file a step:
 *
 *   receive.c -> validate.c -> persist.c -> settle.c
 *                    |             |            ^
 *                    '-- refused --'-- refused -'
 *
 * and the state that the steps share. A message is held (and leased by the
 * subscriber) from receive to settle; nothing else ends it.
 * Private to src/ingest and its tests. Threads: one loop. */
#ifndef INGEST_PIPELINE_H
#define INGEST_PIPELINE_H

#include "common/metrics.h"
#include "common/rand.h"
#include "ingest/batch.h"
#include "net/retry.h"
#include "pubsub/publisher.h"
#include "pubsub/subscriber.h"
#include "schema/row.h"
#include "store/writer.h"

/* One message in work. */
struct item {
    struct message *message;
    struct row *row;              /* NULL once it is refused */
    struct item *next;            /* the queue's */
    struct item *older, *newer;   /* all that are held */
    struct settle_letter *letter; /* on its way to the dead-letter topic */
    bool is_suspect; /* the store refused it when it refused all others too */
};

struct item_list {
    struct item *first, *last;
    size_t n, bytes;
};

struct pipeline_metrics {
    struct metric *stored, *duplicate, *rejected, *returned;
    struct metric *transient, *permanent, *lag;
    struct metric *store_up, *pubsub_up;
};

struct pipeline_config {
    struct loop *loop;
    const struct schema *schema;
    int64_t max_future_s;
    struct writer *writer;
    struct subscriber *subscriber; /* may be set after pipeline_init */
    /* Where refused messages go: publisher_send and its publisher. */
    void (*publish)(void *publisher, struct publish *publish);
    void *publisher;
    const char *dead_letter_topic; /* for the log */
    const char *project;           /* of traces in the log; NULL: unknown */
    struct batch_limits limits;
    struct metrics *metrics; /* NULL: not counted */
    bool is_push; /* Pub/Sub comes to us: whether it can be reached is not known
                   */
    /* Nothing is held any more, after pipeline_drain. */
    void (*on_drained)(void *arg);
    void *arg;
};

struct pipeline {
    struct pipeline_config config;
    struct pipeline_metrics metrics;
    struct item *oldest, *newest; /* held, in the order they came */
    size_t n_held;
    _Atomic bool is_pubsub_up;
    struct item *spare; /* for reuse */
    size_t n_spare;
    size_t n_since_trim; /* messages since memory was given back */
    bool is_draining;    /* what comes is given back at once */
    bool is_closed;      /* messages are gone; late answers only free */

    /* persist */
    struct item_list queue;
    int64_t queue_since_us;
    unsigned calls;
    _Atomic bool is_store_down; /* asked from other threads: readyz */
    size_t n_suspects;
    struct retry store_retry;
    struct loop_timer store_timer; /* a repeat, or the age of the queue */

    /* settle */
    struct item_list letters; /* refused by the topic, to be sent again */
    struct retry letter_retry;
    struct loop_timer letter_timer;

    struct loop_timer lag_timer, drained_timer;
    struct rand rand;
};

/* --- pipeline.c ---------------------------------------------------------- */
void pipeline_init(struct pipeline *p, const struct pipeline_config *config);
/* Stops taking messages and ends what is held: what can be committed is, what
 * cannot is given back; then on_drained, on a later turn. */
void pipeline_drain(struct pipeline *p);
/* The time is over: gives back all but what a store call is working on. */
void pipeline_give_up(struct pipeline *p);
/* The subscriber is gone and with it the messages. */
void pipeline_close(struct pipeline *p);
bool pipeline_is_idle(const struct pipeline *p); /* no store call under way */
void pipeline_fini(struct pipeline *p);          /* closed and idle */

/* What the steps use. */
void item_list_push(struct item_list *l, struct item *item);
struct item *item_list_pop(struct item_list *l);
void item_list_put_first(struct item_list *l, struct item_list *more);
struct item *pipeline_item_new(struct pipeline *p, struct message *message);
void pipeline_item_free(struct pipeline *p, struct item *item);
void pipeline_count(struct metric *counter, uint64_t n);
void pipeline_gauge(struct metric *gauge, double value);

/* --- receive.c ----------------------------------------------------------- */
void receive_message(struct message *message, void *pipeline);
void receive_batch_end(void *pipeline);
void receive_state(bool up, const char *why, void *pipeline);

/* --- validate.c: RC_OK and a row, or the reason -------------------------- */
RC_MUST_USE int validate_message(const struct pipeline *p,
                                 const struct message *message,
                                 struct row **out, struct reject *why);

/* --- persist.c ----------------------------------------------------------- */
void persist_add(struct pipeline *p, struct item *item); /* item->row is set */
void persist_pump(struct pipeline *p);
void persist_give_back(struct pipeline *p); /* what no call works on */
void persist_init(struct pipeline *p);

/* --- settle.c: the ends --------------------------------------------------- */
void settle_ack(struct pipeline *p, struct item *item); /* after its commit */
void settle_reject(struct pipeline *p, struct item *item, const char *error,
                   const char *field, const char *detail);
void settle_return(struct pipeline *p, struct item *item);
void settle_give_back(struct pipeline *p); /* letters that wait */
void settle_init(struct pipeline *p);

#endif
