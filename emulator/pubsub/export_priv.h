/* SPDX-License-Identifier: Apache-2.0 */
/* What BigQuery and Cloud Storage subscriptions share, and each one's own
 * calls. Loop-confined. */
#ifndef EMULATOR_PUBSUB_EXPORT_PRIV_H
#define EMULATOR_PUBSUB_EXPORT_PRIV_H

#include "emulator/pubsub/export.h"
#include "emulator/pubsub/export_row.h"
#include "emulator/pubsub/pubsub_priv.h"

/* --- export.c: messages that are on their way out ---------------------------
 */
struct export_item {
    uint64_t seq, id;
    uint32_t nonce;
    uint32_t len : 31; /* of the message */
    uint32_t refused : 1;
};
struct export_batch {
    struct sub *sub;
    struct taker *taker;
    struct export_item *items;
    size_t n, cap;
    size_t n_settled; /* of them, while it is being settled */
};
void export_batch_init(struct export_batch *b, struct sub *sub);
/* All go back to the subscription, which loses a taker. */
void export_batch_fini(struct export_batch *b);
/* The next message, leased; false: none is due now. */
bool export_batch_next(struct export_batch *b, int64_t lease_us,
                       struct delivery *out);
void export_batch_add(struct export_batch *b, const struct delivery *d);
/* It cannot be written: retry policy, dead letters, which tell `why`. */
void export_batch_refuse(struct export_batch *b, const struct delivery *d,
                         const char *why);
/* The same for one that was added, when the batch is settled. */
void export_batch_mark(struct export_batch *b, size_t i, const char *why);
/* A lease from now on for all. */
void export_batch_extend(struct export_batch *b, int64_t lease_us);
/* Acknowledges all but those that were refused, which go back; it is empty. */
void export_batch_settle(struct export_batch *b);
/* The same for as many as one turn of the loop should take; true: that was the
 * last, it is empty. Nothing may be added in between. */
bool export_batch_settle_some(struct export_batch *b);
/* The subscription's own state. */
void export_show(struct sub *sub, bool active);

/* --- export_target.c: where a BigQuery subscription writes ------------------
 */
enum grpc_status bigquery_check(const PB(Subscription) * config,
                                const struct topic *t, struct err *err);
enum export_by bigquery_by(const PB(BigQueryConfig) * b);
/* The table's path in BigQuery's REST interface, owned; NULL: it names none. */
char *bigquery_path(const char *table);
/* Takes the columns out of tables.get's answer into `how`. RC_SCHEMA: they do
 * not fit what would be written, and why not. */
RC_MUST_USE int bigquery_fits(struct pubsub *s, const struct topic *t,
                              struct export_how *how, struct str table,
                              struct err *err);

/* --- export_bigquery.c ------------------------------------------------------
 */
void bigquery_apply(struct sub *sub);
void bigquery_end(struct sub *sub);
void bigquery_serve(struct sub *sub);
/* Is the table still there, and does it still fit? Shown a moment later. */
void bigquery_look(struct sub *sub);

/* --- cloud_storage.c --------------------------------------------------------
 */
enum grpc_status cloud_storage_check(PB(Subscription) * config,
                                     const struct topic *t, struct err *err);
void cloud_storage_apply(struct sub *sub);
void cloud_storage_end(struct sub *sub);
void cloud_storage_serve(struct sub *sub);

#endif
