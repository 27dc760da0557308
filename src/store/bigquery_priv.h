/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the BigQuery store share. One thread with a loop of its
 * own does all the work; the interface posts operations there.
 *
 *   store_bigquery.c   thread, interface, closing
 *   bigquery_table.c   is the table there, is it ours, is it still the same?
 *   bigquery_put.c     an insert: claims of its ids, verdicts, the answer
 *   bigquery_ledger.c  ids of late, in this process (pure)
 *   bigquery_claims.c  ids of a week, in Redis
 *   bigquery_batch.c   rows of many inserts as calls of insertAll
 *   bigquery_query.c   a query: spans of time, pages, polls, deadline
 *   bigquery_gate.c    what an answer means; the breaker
 *
 * Threads: all but the interface belongs to the store's loop. */
#ifndef STORE_BIGQUERY_PRIV_H
#define STORE_BIGQUERY_PRIV_H

#include <pthread.h>

#include "cache/breaker.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/rand.h"
#include "net/google.h"
#include "net/retry.h"
#include "store/bigquery_ledger.h"
#include "store/bigquery_wire.h"
#include "store/store_bigquery.h"
#include "store/store_priv.h"

struct bigquery;
struct bigquery_batch;
struct bigquery_put;
struct bigquery_reader;

/* --- bigquery_gate.c --- */

/* What to do after a call. */
enum bigquery_fate {
    BIGQUERY_FINE,
    BIGQUERY_RETRY,     /* transient: the same call again, later */
    BIGQUERY_RETRY_NEW, /* the job failed for the service's reasons */
    BIGQUERY_FAILED,    /* this call alone, and for good */
    BIGQUERY_DOWN       /* missing, denied, used up, not understood */
};
enum bigquery_fate bigquery_fate_of(const struct google_call *call);

/* Calls of one direction. While it is shut they fail at once, but for one
 * probe at a time. */
struct bigquery_gate {
    struct breaker breaker;
    unsigned strikes; /* failures in a row */
    struct err why;   /* the last one */
};
/* May a new call go? `*is_probe`: it is the one that finds out. */
bool bigquery_gate_pass(struct bigquery *b, struct bigquery_gate *gate,
                        bool *is_probe);
/* The probe is over; if it has found out nothing, another may go. */
void bigquery_gate_pass_back(struct bigquery *b, struct bigquery_gate *gate);
void bigquery_gate_told(struct bigquery *b, struct bigquery_gate *gate,
                        enum bigquery_fate fate, const struct err *why);

/* --- bigquery_put.c --- */

enum bigquery_end {
    ROW_OPEN,
    ROW_STORED,
    ROW_REPEAT,   /* the ledger knows it */
    ROW_CONFLICT, /* the ledger knows another content */
    ROW_REFUSED,  /* BigQuery does not want it */
    ROW_UNKNOWN,  /* sent, and nobody knows */
    ROW_NOT       /* certainly not stored, and nothing against it */
};

struct bigquery_put_row {
    struct bigquery_put *put;
    struct row *row;
    struct bigquery_put_row *next;         /* of the queue */
    struct bigquery_put_row *first_of_id;  /* an earlier row of this put */
    unsigned char key[BIGQUERY_KEY_BYTES]; /* of the id */
    uint64_t hash;                         /* of the content */
    enum bigquery_end end;
    bool is_claimed;  /* the ledger's entry is ours */
    bool was_pending; /* ... and was there before, perhaps stored */
};

struct bigquery_put {
    struct bigquery *b;
    struct store_insert *op;
    struct bigquery_put *next, *prev; /* all of them */
    struct bigquery_put_row *rows;
    size_t n_open; /* rows in the queue or in a batch */
    int64_t deadline_us;
    bool is_probe; /* finds out whether the store is there: no repeats */
    bool is_refused;
    struct err why; /* of ROW_UNKNOWN and ROW_NOT */
    struct bigquery_put *waiters, *wait_next;
    struct loop_timer again; /* another try to claim */
    struct redis_command command;
    struct buf packed;
    size_t n_asked; /* rows in `packed` */
    struct store_query lookup;
    struct bigquery_put_row *lookup_row;
    bool waits_for_look;
};

void bigquery_put_begin(struct bigquery *b, struct store_insert *op);
/* A row has come to its end; may end its put and free both. */
void bigquery_row_over(struct bigquery_put_row *r, enum bigquery_end end,
                       const struct err *why);
/* The table was looked at, or could not be. */
void bigquery_puts_go_on(struct bigquery *b, int rc, const struct err *why);

/* --- bigquery_claims.c --- */

/* False: wait for the first connection a little longer. */
bool bigquery_claims_settled(const struct bigquery *b);
/* One word a row, in `put->command.reply`; `done` on the loop. */
void bigquery_claims_ask(struct bigquery_put *put,
                         void (*done)(struct redis_command *command));
enum bigquery_mark {
    MARK_STORED,
    MARK_FREE,    /* a claim of ours that came to nothing */
    MARK_FREE_ANY /* whoever's: the table does not have the id */
};
void bigquery_claims_pack(struct buf *packed, const unsigned char *key,
                          uint64_t hash);
/* `op` (may be NULL) is answered once the mark is made, or soon without it: so
 * that the next process that is asked about the id knows. */
void bigquery_claims_mark(struct bigquery *b, enum bigquery_mark mark,
                          struct str packed, struct store_insert *op);
void bigquery_claims_open(struct bigquery *b);
void bigquery_claims_close(struct bigquery *b);

/* --- bigquery_batch.c --- */

struct bigquery_queue {
    struct bigquery_put_row *first, **last;
    size_t n, bytes;
    int64_t since_us;
    unsigned in_flight;
    struct bigquery_batch *batches;
    struct loop_timer age;
};
void bigquery_batch_init(struct bigquery *b);
void bigquery_batch_add(struct bigquery_put_row *r);
void bigquery_batch_pump(struct bigquery *b);
void bigquery_batch_cancel(struct bigquery *b);
void bigquery_batch_fini(struct bigquery *b);

/* --- bigquery_query.c --- */

void bigquery_query_begin(struct bigquery *b, struct store_query *op);
void bigquery_query_cancel(struct bigquery *b);

/* --- bigquery_table.c --- */

struct bigquery_watch {
    struct google_call call;
    struct buf patch;
    bool is_running, is_patching;
    bool is_ours;      /* its schema was seen to fit */
    uint64_t identity; /* of the table that was there last; 0: none yet */
    int64_t seen_us;   /* when that was asked */
    int64_t began_us;
    struct store_ping *pings, **last_ping;
    bool puts_wait;
    struct err err; /* why the last look failed */
    int rc;
    void (*on_first)(struct bigquery *b); /* the opening's; then NULL */
};
void bigquery_table_look(struct bigquery *b);
void bigquery_table_ping(struct bigquery *b, struct store_ping *op);
/* Is what we know of the table as young as `since_us`, or young enough? */
bool bigquery_table_is_known(const struct bigquery *b, int64_t since_us);

/* --- the store --- */

struct bigquery {
    struct loop *loop;
    pthread_t thread;
    struct store *store;
    const struct schema *schema;
    int64_t max_bytes_billed;    /* by one read; 0: no bound */
    struct schema *newer_schema; /* of the look behind a page's position */
    bool is_plain;
    char *project, *dataset, *table, *system;
    char *table_path, *insert_path, *queries_path;
    char name[256];              /* project.dataset.table, for people */
    struct token_source *tokens; /* NULL: an emulator wants none */
    struct google *google;
    struct rand rand;
    struct bigquery_gate write_gate, read_gate;
    struct bigquery_watch watch;
    struct ledger *ledger;
    struct redis_url *redis_url;
    char *redis_ca_file;
    struct redis *redis; /* NULL: none */
    bool redis_was_up;
    unsigned n_marks;   /* on their way to Redis */
    unsigned n_cancels; /* of jobs, on their way */
    int64_t opened_us;
    struct bigquery_queue queue;
    struct bigquery_put *puts;
    struct bigquery_reader *readers;
    int64_t head_span_us; /* in which the newest rows were found last */
    struct loop_task close_task;
    struct loop_timer close_timer;
    bool is_closing, is_cancelled;
};

/* Something ended: the closing may be waiting for it. */
void bigquery_check_idle(struct bigquery *b);

#endif
