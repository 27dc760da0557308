/* SPDX-License-Identifier: Apache-2.0 */
/* What the service is made of; shared by its files only.
 *
 *   publish.c      request -> batch -> storage -> the topic's log
 *   deliver.c      log -> takers: streams (stream.c), waiting pulls (pull.c)
 *   settle.c       acknowledgements and deadlines -> journal -> storage
 *   dead_letter.c  what is worn out -> another topic
 *   resources.c    topics, subscriptions, snapshots by name, made and unmade
 *
 * Loop-confined. */
#ifndef EMULATOR_PUBSUB_PRIV_H
#define EMULATOR_PUBSUB_PRIV_H

#include "emulator/pubsub/model.h"

/* --- keep.c: memory to storage ----------------------------------------------
 */
/* Rows of a resource, added to a job. */
void keep_topic(struct storage_job *job, const struct topic *t);
void keep_sub(struct storage_job *job, struct sub *sub, bool with_done);
void keep_snapshot(struct storage_job *job, const struct snapshot *n);
/* Writes it and waits; RC_OK at once without storage. Takes the job. */
RC_MUST_USE int keep_now(struct pubsub *s, struct storage_job *job,
                         struct err *err);
/* Why nothing can be written now, until something can; NULL: it can. Asked
 * again meanwhile: tries to. */
const char *keep_trouble(struct pubsub *s);
/* Submits the job (taken; NULL: one of its own if there is something), with all
 * changes noted since the last call. Without storage `done` is called at
 * once. */
void keep_later(struct pubsub *s, struct storage_job *job);
void keep_changed(struct sub *sub); /* its journal may have grown */

/* --- resident.c: bytes in memory --------------------------------------------
 */
void resident_add(struct pubsub *s, struct batch *b);
void resident_remove(struct pubsub *s, struct batch *b);
/* Reads the batch's bytes back, and some of those behind it. */
void resident_load(struct topic *t, struct batch *b);
/* Are the bytes read back a batch as `b` was written? */
bool resident_is_batch(const struct batch *b, struct str bytes);

/* --- publish.c ---------------------------------------------------------------
 */
struct posting {
    struct topic *topic;
    struct batch *batch;
    /* Once kept (RC_OK) or not; may be called at once. */
    void (*done)(struct posting *posting, int rc, const char *text);
    void *arg;
    uint64_t first_id;
    uint32_t n;
    struct storage_job *job; /* NULL, or one that is to carry it (taken) */
};
/* Takes bytes (a batch's form). */
void publish_batch(struct topic *t, char *bytes, uint32_t len, uint32_t n,
                   struct storage_job *job,
                   void (*done)(struct posting *posting, int rc,
                                const char *text),
                   void *arg);
/* The same (bytes taken) with ids that were set apart before. */
void publish_reserved(
    struct topic *t, const struct publish *what, uint64_t first_id,
    void (*done)(struct posting *posting, int rc, const char *text), void *arg);
void publish_reply_ids(struct rpc_call *call, uint64_t first, uint32_t n);
/* Before that answer, `n` messages being in the log: streams that had nothing
 * to do get them a moment later if the Node client published them. It hands out
 * an answer one turn of its loop late (gax's call.js, setImmediate), so a
 * message that reached it in the same turn would come before its own id. */
void publish_hold(const struct rpc_call *call, struct topic *t, uint32_t n);
/* Its row, added to a job. */
void publish_put_batch(struct storage_job *job, const struct topic *t,
                       const struct batch *b);
void publish_run(struct rpc_call *call, ProtobufCMessage *in, void *service);

/* --- deliver.c ---------------------------------------------------------------
 */
void sub_due(struct sub *sub); /* to be looked at by deliver_due */
void topic_due(struct topic *t);
/* Of publish_hold's moment; 0: over, or there was none. */
int64_t hold_left_us(struct sub *sub);
/* Pumps all that are due. Last thing in each entry from loop or client. */
void deliver_due(struct pubsub *s);
/* Leases the next message that is due to `t`. Whatever is not SUB_GOT: nothing
 * now, and what is to come is under way. */
enum sub_got deliver_next(struct sub *sub, struct taker *t, int64_t lease_us,
                          int64_t now_us, struct delivery *out);
/* Appends what is due to `t`, as ReceivedMessages; true if anything. */
bool deliver_fill(struct sub *sub, struct taker *t, int64_t lease_us,
                  unsigned max_messages, size_t max_bytes, struct buf *out,
                  unsigned *n);
/* ReceivedMessages once more behind themselves: what a fault duplicates. */
void deliver_again(struct buf *out);
void sub_touch(struct sub *sub); /* a client was here */

/* --- pubsub.c ----------------------------------------------------------------
 */
/* Ends a drain once nothing is waited for any more. */
void pubsub_drained(struct pubsub *s);

/* --- pull.c, stream.c
 * ---------------------------------------------------------
 */
void pull_run(struct rpc_call *call, ProtobufCMessage *in, void *service);
/* Answers those that wait, first come first served, while there is any. */
void pulls_serve(struct sub *sub);
void pulls_end(struct sub *sub, enum grpc_status status, const char *text);
void streams_serve(struct sub *sub);
const struct stream *stream_next(const struct stream *st); /* of one sub */
void streams_end(struct sub *sub, enum grpc_status status, const char *text);
void streams_tell_properties(struct sub *sub);
extern const struct grpc_method pubsub_streams[];
extern const size_t pubsub_n_streams;

/* --- settle.c
 * ------------------------------------------------------------------
 */
void acknowledge_run(struct rpc_call *call, ProtobufCMessage *in,
                     void *service);
void modify_deadline_run(struct rpc_call *call, ProtobufCMessage *in,
                         void *service);
/* One id; `lease_us` < 0 acknowledges. False: no id of this subscription. */
bool settle_one(struct sub *sub, struct str ack_id, int64_t lease_us,
                int64_t now_us, enum sub_ack *out);

/* Are acknowledgements of one request to be taken by the order in which the
 * messages were published? Clients send them as they come. */
bool settle_needs_order(const struct sub *sub);
void settle_in_order(const struct sub *sub, struct str *ids, size_t n);

/* --- dead_letter.c
 * ---------------------------------------------------------------
 */
void dead_letters_forward(struct sub *sub);

/* --- expiry.c
 * --------------------------------------------------------------------
 */
/* Retention, subscriptions nobody uses, snapshots: now, and when next. */
void expiry_run(struct pubsub *s);
/* The same for one that is new, without a look at all others. */
void expiry_sub(struct sub *sub);

/* --- the whole state
 * ---------------------------------------------------------------
 */
/* restore.c: fills an empty service. */
struct storage_visitor restore_visitor(struct pubsub *s);
void restore_end(struct pubsub *s);
/* archive.c */
int pubsub_save(void *self, struct buf *out, struct err *err);
int pubsub_load(void *self, struct str bytes, struct err *err);
/* metrics.c */
void pubsub_metrics(void *self, struct buf *out);
/* For rpc_on_ended. */
void metrics_count_call(void *self, const struct rpc_method *method,
                        struct str resource, enum grpc_status status);

/* --- methods.c: the table
 * ------------------------------------------------------------
 */
extern const struct rpc_method pubsub_methods[];
extern const size_t pubsub_n_methods;

/* --- refuse.c: texts of both profiles
 * ---------------------------------------------------
 */
void refuse_unknown(struct rpc_call *call, const struct pubsub *s,
                    const char *kind, struct str name);
void refuse_existing(struct rpc_call *call, const struct pubsub *s,
                     const char *kind, const char *name);
void refuse_name(struct rpc_call *call, const struct pubsub *s,
                 const char *collection, const char *name);
/* Nothing has that name, which may be none ("topics", "subscriptions"). */
void refuse_updating(struct rpc_call *call, const struct pubsub *s,
                     const char *collection, const char *name);
void refuse_missing(struct rpc_call *call, const struct pubsub *s,
                    const char *collection, struct str name);
/* The same for a stream: status and text (mem_free). */
char *missing_text(const struct pubsub *s, const char *collection,
                   struct str name, enum grpc_status *status);
/* Not kept; `text` says why. */
void refuse_storage(struct rpc_call *call, const char *text);
/* "projects/P/COLLECTION/ID" with a valid id. */
bool name_is_valid(const char *name, const char *collection);
/* The subscription, or NULL: the call was refused. */
struct sub *sub_of(struct rpc_call *call, struct pubsub *s, struct str name);
/* Why nobody may pull from it: OK, or a status and its text. */
enum grpc_status sub_refuses_pull(const struct sub *sub, const char **text);
/* A request's bytes, also when it came as a message; `scratch` may hold
 * them. */
struct str request_bytes(struct rpc_call *call, const ProtobufCMessage *in,
                         struct buf *scratch);

#endif
