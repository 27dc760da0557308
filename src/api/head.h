/* SPDX-License-Identifier: Apache-2.0 */
/* The head: the newest rows of the table, kept by merging what was committed,
 * without asking the store.
 *
 * Guarantees (tested against a naive model in test_head.c): views are in
 * order; no id twice; a row that was in a view of this process is in every
 * later one, unless newer rows pushed it off the end or the store, asked
 * after the row was announced, no longer has it; versions only grow.
 *
 * A view is immutable and counted. Threads: any; a commit only appends to a
 * list under a lock, the merge is made by the first reader after it. */
#ifndef API_HEAD_H
#define API_HEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/query.h"
#include "schema/row.h"

struct answer;

enum {
    HEAD_ROWS = 1001, /* the contract's 1,000, and whether more follow */
    HEAD_BYTES = 32 * 1024 * 1024,
    HEAD_ANSWERS = 16
};

struct head_view {
    unsigned refs; /* atomic */
    uint64_t version;
    bool complete; /* these are all rows of the table */
    bool loaded;   /* the store was read at least once */
    size_t n;
    struct row **rows;
    uint32_t *hashes; /* of the ids */
    /* rendered from this view, by canonical query; guarded by `lock` */
    pthread_mutex_t lock;
    struct {
        char *key;
        size_t key_len;
        struct answer *answer;
    } answers[HEAD_ANSWERS];
    unsigned n_answers;
};
void head_view_unref(struct head_view *v); /* NULL is allowed */

struct head;
/* A row announced less than `grace_us` before a check began stays even if the
 * store's answer lacks it (BigQuery may show a new row a little later). */
struct head *head_new(int64_t grace_us);
void head_free(struct head *head);

/* Changes with every change of what readers may see, also of freshness. */
uint64_t head_version(const struct head *head);
/* So that loops look again though no row changed. */
void head_touch(struct head *head);

/* Announces committed rows. Appends those that were not known to `fresh` (may
 * be NULL; takes references). */
void head_add(struct head *head, struct row *const *rows, size_t n,
              int64_t now_us, struct row_list *fresh);
/* The newest view; a reference. */
struct head_view *head_view(struct head *head);

/* A comparison with the store: begin, ask the store for the newest rows, end.
 * What was announced between the two stays. `complete`: the store has no
 * other rows. `added`: rows that nobody had announced; `removed`: how many
 * the store no longer has. */
void head_check_begin(struct head *head, int64_t now_us);
void head_check_end(struct head *head, struct row *const *rows, size_t n,
                    bool complete, struct row_list *added, size_t *removed);
void head_check_fail(struct head *head);

/* Rows that were the newest some time ago: shown by head_show_adopted, unless
 * the store was read before. */
void head_adopt(struct head *head, struct row *const *rows, size_t n,
                bool complete);
void head_show_adopted(struct head *head);

/* The rows of `q` from a view: true if the view has the whole answer (at most
 * q->limit rows in `out`; `*more`: others follow). `out` borrows. */
bool head_select(const struct head_view *v, const struct query *q,
                 struct row **out, size_t *n, bool *more);

#endif
