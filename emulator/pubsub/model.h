/* SPDX-License-Identifier: Apache-2.0 */
/* The service's model in memory: topics with their logs, subscriptions with
 * their delivery, snapshots, all by name. Loop-confined. */
#ifndef EMULATOR_PUBSUB_MODEL_H
#define EMULATOR_PUBSUB_MODEL_H

#include "common/buf.h"
#include "common/clock.h"
#include "common/loop.h"
#include "emulator/clock.h"
#include "emulator/pubsub/journal.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/names.h"
#include "emulator/pubsub/numbers.h"
#include "emulator/pubsub/slab.h"
#include "emulator/pubsub/storage.h"
#include "emulator/pubsub/subcore.h"
#include "emulator/rpc.h"
#include "emulator/service.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

/* protobuf-c's name of a message. */
#define PB(name) Google__Pubsub__V1__##name

struct chain;
struct cloud_storage;
struct export;
struct pull;
struct push;
struct push_pool;
struct request_counts;
struct stream;
struct sub;
struct transform_pool;
struct transform_stats;
struct view;

struct topic {
    char *name;
    PB(Topic) * config;
    uint64_t number;
    struct tlog log;
    uint64_t next_seq; /* of the next publish; the log's end comes after */
    bool deleted;      /* remembered by its subscriptions only */
    unsigned refs;     /* jobs under way that name it */
    struct sub *subs;
    struct snapshot *snapshots;
    struct pubsub *service;
    struct tlog_events events;
    struct chain *chain;                     /* its transforms; NULL: none */
    struct topic *next;                      /* all, also deleted ones */
    struct transform_stats *transform_stats; /* NULL: none was run */
    struct request_counts *requests;         /* NULL: none came */
    uint64_t n_published, n_published_bytes;
};

struct sub {
    char *name;
    PB(Subscription) * config;
    uint64_t number, secret;
    uint64_t born; /* sequence of the first message that came after it */
    struct topic *topic;
    struct sub *next; /* of the topic */
    struct subcore core;
    struct journal journal;
    struct filter *filter;
    struct view *view;             /* its transforms; NULL: none */
    struct stream *streams, *turn; /* turn: who is served next */
    struct export *export;         /* a BigQuery subscription's, or NULL */
    struct push *push;             /* a push subscription's, or NULL */
    struct cloud_storage *storage; /* a Cloud Storage subscription's */
    struct refusal *refusals;      /* why BigQuery or Cloud Storage said no */
    struct pull *pulls, **last_pull;
    struct loop_timer timer; /* core's next event */
    struct pubsub *service;
    struct sub *next_due; /* to be pumped */
    int64_t hold_us;      /* streams get nothing before (monotonic); 0 */
    bool is_due;          /* in the list of those to be pumped */
    bool is_changed;      /* in the list of those to be written */
    bool rewrite;         /* a write failed: the whole set is next */
    bool again;           /* more to do than one turn should take */
    bool is_loading;      /* what is next comes from storage */
    struct sub *next_changed;
    unsigned n_logged; /* rows in the ack log */
    unsigned n_tried;  /* rows of attempts */
    int64_t active_us; /* a client's last call, for expiration */
    uint64_t n_pulled, n_acked, n_modacked, n_dead_lettered;
    struct transform_stats *transform_stats; /* NULL: none was run */
    struct request_counts *requests;         /* NULL: none came */
};

struct snapshot {
    char *name;
    PB(Snapshot) * config;
    uint64_t number;
    struct topic *topic;
    struct snapshot *next; /* of the topic */
    struct holder holder;
};

/* What BigQuery says of the table that a subscription is to write into. */
struct table_answer {
    struct rpc_call *call; /* that it was asked for */
    int status;
    struct str body;
};

struct pubsub {
    struct emulator *e;
    struct service service;
    struct rpc *rpc;
    struct storage *storage; /* NULL: memory only */
    struct transform_pool *transforms;
    struct slabs slabs; /* of batches, without storage */
    struct names topics, subs, snapshots, schemas, policies;
    struct numbers topic_numbers, sub_numbers;
    struct topic *all_topics;
    uint64_t next_id, next_number;
    struct vclock_watch watch;
    struct loop_timer expiry;
    struct loop_timer reload; /* a read failed: who waits for it asks again */
    int64_t expiry_us;        /* when it looks next */
    struct sub *due, **last_due;
    struct sub *changed;
    struct buf dropped; /* uint64_t ids of batches to be deleted */
    /* batches whose bytes are in memory, oldest use first */
    struct batch *oldest, *newest;
    uint64_t n_resident;         /* bytes */
    struct push_pool *push_pool; /* NULL until something is pushed */
    bool push_is_off;            /* there is no libcurl */
    bool draining, settling;
    bool clearing;         /* all goes: storage is told otherwise */
    char trouble[480];     /* why the last write failed; "": it did not */
    bool is_probing;       /* whether it still does */
    uint64_t restore_base; /* added to the numbers of what is restored */
    service_done *drained;
    void *drained_arg;
    const struct table_answer *table; /* while its call is run again */
};

static inline int64_t pubsub_now(const struct pubsub *s)
{
    return vclock_now_us(s->e->clock);
}
static inline bool is_strict(const struct pubsub *s)
{
    return s->e->profile == PROFILE_STRICT;
}

/* --- resources.c: in memory; storage first (keep.c) ------------------------
 */
/* Takes `config`; log and holders empty. */
struct topic *topic_new(struct pubsub *s, PB(Topic) * config, uint64_t number);
/* Born done with what `done` holds (taken). RC_INVALID: the filter. */
RC_MUST_USE int sub_new(struct pubsub *s, struct topic *topic,
                        PB(Subscription) * config, uint64_t number,
                        struct ackset *done, struct sub **out, struct err *err);
struct snapshot *snapshot_new(struct topic *topic, PB(Snapshot) * config,
                              uint64_t number, struct ackset *done);
/* Out of sight: subscriptions of it stay. */
void topic_delete(struct topic *t);
/* Ends its streams and pulls with the status. */
void sub_delete(struct sub *sub, enum grpc_status status, const char *text);
void sub_end_takers(struct sub *sub, enum grpc_status status, const char *text);
void snapshot_delete(struct pubsub *s, struct snapshot *snapshot);
void topic_unref(struct topic *t); /* frees what nothing needs */
void topic_apply_config(struct topic *t);
void sub_apply_config(struct sub *sub);
void pubsub_clear(struct pubsub *s, enum grpc_status status, const char *text);

struct topic *topic_find(const struct pubsub *s, struct str name);
struct sub *sub_find(const struct pubsub *s, struct str name);
struct snapshot *snapshot_find(const struct pubsub *s, struct str name);

/* Deep copy; returns owned. */
void *pb_copy(const void *message);
void pb_free(void *message);
/* Microseconds of a duration; 0 without one. */
int64_t pb_duration_us(const Google__Protobuf__Duration *d);
int64_t pb_timestamp_us(const Google__Protobuf__Timestamp *t);
/* A protobuf-c string field's new value. */
void pb_set(char **field, const char *value);

#endif
