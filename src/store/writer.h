/* SPDX-License-Identifier: Apache-2.0 */
/* The one way a record gets in, for POST and ingest alike:
 * commit -> publish the invalidation -> tell the caller, who acknowledges.
 *
 * Threads: one writer a loop; callbacks run there. The store and the channel
 * are borrowed. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/store.h"

struct channel;
struct writer;

struct writer_config {
    struct store *store;
    struct channel *channel; /* NULL: no Redis */
    /* This process's own readers, told at once after a commit, before
     * `done`. NULL if it has none. */
    void (*on_commit)(struct str notice, void *arg);
    void *arg;
};

struct writer *writer_new(struct loop *loop,
                          const struct writer_config *config);
void writer_free(struct writer *writer); /* nothing may be pending */

/* As store_insert, and `done` comes after the invalidation is out (or the
 * channel has promised a gap). Rows that were duplicates are announced too: a
 * writer may have died between commit and announcement. */
struct writer_put {
    struct store_insert insert; /* fill `rows`, `n_rows`, `atomic`, `results` */
    void (*done)(struct writer_put *put);
    int64_t published_us; /* wall time the oldest of these was published to
                           * Pub/Sub, 0 for POST: for datos_visible_seconds */
    /* private */
    struct writer *writer;
    struct writer_announce *announce;
};
void writer_put(struct writer *writer, struct writer_put *put);

/* --- the notice: what an invalidation carries ------------------------- */

struct buf;
/* Encodes committed rows. Rows beyond what fits `b`'s limit are left out and
 * the notice says "incomplete": readers treat it as a gap. */
void notice_encode(struct buf *b, struct row *const *rows, size_t n_rows,
                   int64_t published_us);
/* Decodes into `rows` (appended). RC_MALFORMED for anything else;
 * `*incomplete` as above. */
RC_MUST_USE int notice_decode(struct str notice, const struct schema *schema,
                              struct row_list *rows, int64_t *published_us,
                              bool *incomplete);

#endif
