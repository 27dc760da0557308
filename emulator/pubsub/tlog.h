/* SPDX-License-Identifier: Apache-2.0 */
/* A topic's log: what was published, in batches that never change.
 *
 * A batch is what one publish request brought: the messages' protobuf bytes
 * back to back, each behind its length as a varint, without message_id and
 * publish_time; those are the batch's and consecutive. Messages are numbered
 * by a sequence of the log's own, without gaps between batches that exist (a
 * batch whose commit failed, or that storage has lost, leaves one: nobody
 * waits for it).
 *
 * Holders (subscriptions, snapshots) say by their ackset what they are done
 * with. A batch that no holder needs and that is out of the log's own
 * retention is gone: its bytes at once, its header when those before it are.
 * Pure: no I/O, `now` is an argument. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_TLOG_H
#define EMULATOR_PUBSUB_TLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/pubsub/ackset.h"

struct journal;
struct slabs;
struct tlog;

struct batch {
    uint64_t first_seq;
    uint64_t first_id;
    int64_t publish_us;
    char *bytes;          /* NULL: on disk only, or gone */
    uint32_t len;         /* of bytes, also when they are not here */
    uint32_t needs;       /* holders that are not done with all of it */
    uint32_t pins;        /* deliveries that may have to be repeated */
    uint32_t n : 28;      /* messages */
    uint32_t gone : 1;    /* nobody needs it; only the header stands */
    uint32_t loading : 1; /* storage was asked for the bytes */
    uint32_t stored : 1;  /* a row of storage has it */
    uint32_t whole : 1;   /* in one piece with its bytes */
    union {
        /* resident batches, oldest first: the cache's list */
        struct {
            struct batch *newer, *older;
        };
        char own[16]; /* of a whole one: where its bytes begin */
    };
};
enum {
    BATCH_MAX_MESSAGES = (1 << 28) - 1
};

struct holder {
    struct ackset done;
    struct journal *journal; /* NULL: changes of `done` are not noted */
    struct holder *next;
};

/* What the log tells its owner. */
struct tlog_events {
    /* The batch's bytes are of no use to anyone any more; the log frees them
     * on return. */
    void (*on_gone)(struct tlog *log, struct batch *batch, void *arg);
    void *arg;
};

struct tlog {
    struct batch **batches; /* private ring-less deque */
    size_t head, tail, cap;
    size_t n_gone;      /* of [head, tail) */
    uint64_t end_seq;   /* one behind the last batch's last message */
    uint64_t epoch;     /* changes whenever a header is freed */
    int64_t last_us;    /* publish time of the newest batch */
    int64_t keep_us;    /* retention of its own: 0 none */
    uint64_t kept_from; /* batches before it were seen to be out of keep_us */
    uint64_t n_bytes;   /* of batches that are not gone */
    struct holder *holders;
    uint32_t n_holders;
    const struct tlog_events *events;
};

void tlog_init(struct tlog *log, const struct tlog_events *events);
/* All holders must be detached. */
void tlog_fini(struct tlog *log);

/* A batch for `n` messages; takes `bytes` (mem_free). */
struct batch *batch_new(char *bytes, uint32_t len, uint32_t n);
/* The same in one piece with its bytes, which cannot go before it does: for
 * those that stay in memory, much of whose cost would else be the heap's. */
struct batch *batch_new_whole(struct slabs *slabs, char *bytes, uint32_t len,
                              uint32_t n);
void batch_free(struct batch *b);
void batch_drop_bytes(struct batch *b);

/* Appends (takes the batch); its first_seq must not lie before end_seq. What
 * lies between counts as done by all. */
void tlog_append(struct tlog *log, struct batch *batch);
/* Numbers [end_seq, seq) will never come. */
void tlog_skip_to(struct tlog *log, uint64_t seq);

/* A holder born done with all before `from`; its ackset is inited here. Batches
 * that it is not done with count it. */
void tlog_attach(struct tlog *log, struct holder *h);
void tlog_detach(struct tlog *log, struct holder *h);

/* One message, or several, are done with, or wanted again. True from
 * tlog_done if it was not done before. */
bool tlog_done(struct tlog *log, struct holder *h, struct batch *batch,
               uint64_t seq);
void tlog_done_range(struct tlog *log, struct holder *h, uint64_t from,
                     uint64_t to);
void tlog_undone(struct tlog *log, struct holder *h, struct batch *batch,
                 uint64_t seq);
/* Replaces what the holder is done with (takes `set`), as seek does. Numbers
 * of batches that are gone count as done whatever `set` says. */
void tlog_assign(struct tlog *log, struct holder *h, struct ackset *set);
void tlog_unpin(struct tlog *log, struct batch *batch);

/* Bytes of the messages that are not in `done`, as kept: exact while `*budget`
 * (batches that may be looked at; lowered) lasts, then by the mean of those
 * that were (a few are, at any budget). A batch that is partly done and not in
 * memory counts by its own mean. */
uint64_t tlog_free_bytes(const struct tlog *log, const struct ackset *done,
                         size_t *budget);

/* The first batch whose end lies behind `seq`, gone or not; NULL: none. */
struct batch *tlog_find(const struct tlog *log, uint64_t seq);
struct batch *tlog_after(const struct tlog *log, const struct batch *batch);
/* Sequence of the first message published at or after `at_us`. */
uint64_t tlog_seq_at(const struct tlog *log, int64_t at_us);

/* Lets go what is out of the log's own retention. */
void tlog_expire(struct tlog *log, int64_t now_us);
/* When tlog_expire has something to do next; INT64_MAX: never. */
int64_t tlog_next_expiry(const struct tlog *log);
/* Sets keep_us; looks at everything again. */
void tlog_set_keep(struct tlog *log, int64_t keep_us, int64_t now_us);

/* Message number `i` of a batch whose bytes are here. `*offset` is where its
 * length stands. `hint` (may be NULL): offset of a message `hint_i` <= i. */
struct str batch_message_at(const struct batch *b, uint32_t offset,
                            uint32_t *next_offset);
uint32_t batch_offset_of(const struct batch *b, uint32_t i);

#endif
