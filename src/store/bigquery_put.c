/* SPDX-License-Identifier: Apache-2.0 */
/* An insert: its ids are claimed in this process, then in Redis; what is new
 * goes to the batches; verdicts become the caller's results.
 *
 * Claims are all or nothing: who meets an id that another call is writing
 * holds none of its own while it waits, so no two wait for each other. */
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/bigquery_priv.h"

#define DEADLINE_US (8 * US_PER_S)
/* As SETTLED_S in bigquery_claims.c: longer than any call lives. */
#define SETTLED_US   (25 * US_PER_S)
#define RETRY_US     (100 * US_PER_MS)
#define PACKED_BYTES ((size_t)16 * 1024 * 1024)

/* --- the end ----------------------------------------------------------------
 */

static enum store_result result_of(const struct bigquery_put_row *r)
{
    const struct bigquery_put_row *first = r->first_of_id;

    if (first && first->hash != r->hash)
        return STORE_CONFLICT;
    switch (first ? first->end : r->end) {
    case ROW_REPEAT:
        return STORE_DUPLICATE;
    case ROW_CONFLICT:
        return STORE_CONFLICT;
    case ROW_REFUSED:
        return STORE_REJECTED;
    default: /* of an atomic call: what it would have been */
        return first ? STORE_DUPLICATE : STORE_STORED;
    }
}

/* What the ledgers know of a row from now on. */
static void settle_entry(struct bigquery *b, struct bigquery_put_row *r,
                         struct buf *stored, struct buf *freed)
{
    struct ledger_entry *e;

    if (!r->is_claimed)
        return;
    r->is_claimed = false;
    e = ledger_find(b->ledger, r->key);
    e->owner = NULL;
    if (r->end == ROW_STORED) {
        e->is_stored = true;
        bigquery_claims_pack(stored, r->key, r->hash);
    } else if (r->end != ROW_UNKNOWN && !r->was_pending) {
        ledger_remove(b->ledger, e);
        bigquery_claims_pack(freed, r->key, r->hash);
    }
}

static void set_outcome(struct bigquery_put *put)
{
    struct store_insert *op = put->op;
    bool clash = false, unknown = false;

    for (size_t i = 0; i < op->n_rows; i++) {
        const struct bigquery_put_row *r = &put->rows[i];
        op->results[i] = result_of(r);
        clash = clash || op->results[i] == STORE_CONFLICT;
        unknown = unknown || r->end == ROW_UNKNOWN || r->end == ROW_NOT;
    }
    if (op->atomic && put->is_refused)
        op->rc = err_set(&op->err, RC_SCHEMA, "%s refuses a record: %s",
                         put->b->name, op->detail);
    else if (op->atomic && clash)
        op->rc = err_set(&op->err, RC_CONFLICT,
                         "an id is taken by a record with other content");
    else if (unknown)
        op->rc = err_set(&op->err, RC_UNAVAILABLE, "%s",
                         put->why.text[0] ? put->why.text
                                          : "BigQuery did not confirm");
}

static void free_put(struct bigquery_put *put)
{
    struct bigquery *b = put->b;

    *(put->prev ? &put->prev->next : &b->puts) = put->next;
    if (put->next)
        put->next->prev = put->prev;
    loop_timer_fini(&put->again);
    buf_fini(&put->packed);
    mem_free(put->rows);
    mem_free(put);
}

static void answer(struct bigquery *b, struct store_insert *op,
                   struct buf *stored, struct buf *freed)
{
    op->next = NULL;
    bigquery_claims_mark(b, MARK_FREE, buf_as_str(freed), NULL);
    bigquery_claims_mark(b, MARK_STORED, buf_as_str(stored), op);
}

static void finish(struct bigquery_put *put)
{
    struct bigquery *b = put->b;
    struct store_insert *op = put->op;
    struct bigquery_put *waiter = put->waiters;
    struct buf stored, freed;

    buf_init(&stored, PACKED_BYTES);
    buf_init(&freed, PACKED_BYTES);
    for (size_t i = 0; i < op->n_rows; i++)
        settle_entry(b, &put->rows[i], &stored, &freed);
    set_outcome(put);
    if (put->is_probe)
        bigquery_gate_pass_back(b, &b->write_gate);
    while (waiter) { /* they look again, on a turn of their own */
        struct bigquery_put *next = waiter->wait_next;
        loop_timer_arm(&waiter->again, 0);
        waiter = next;
    }
    free_put(put);
    answer(b, op, &stored, &freed);
    buf_fini(&stored);
    buf_fini(&freed);
    bigquery_check_idle(b);
}

/* Nothing of it was sent. */
static void fail(struct bigquery_put *put, const struct err *why)
{
    put->why = *why;
    for (size_t i = 0; i < put->op->n_rows; i++)
        put->rows[i].end = ROW_NOT;
    finish(put);
}

void bigquery_row_over(struct bigquery_put_row *r, enum bigquery_end end,
                       const struct err *why)
{
    struct bigquery_put *put = r->put;

    r->end = end;
    if (end == ROW_REFUSED) {
        put->is_refused = true;
        if (!put->op->detail[0])
            snprintf(put->op->detail, sizeof(put->op->detail), "%.*s",
                     (int)sizeof(put->op->detail) - 1, why->text);
    } else if (why && !put->why.text[0]) {
        put->why = *why;
    }
    if (--put->n_open == 0)
        finish(put);
}

/* --- claims ------------------------------------------------------------------
 */

static void release(struct bigquery_put *put)
{
    struct ledger *l = put->b->ledger;

    for (size_t i = 0; i < put->op->n_rows; i++) {
        struct bigquery_put_row *r = &put->rows[i];
        struct ledger_entry *e;
        if (!r->is_claimed)
            continue;
        r->is_claimed = false;
        e = ledger_find(l, r->key);
        e->owner = NULL;
        if (!r->was_pending)
            ledger_remove(l, e);
    }
}

/* Behind the put that is writing one of its ids. */
static bool has_to_wait(struct bigquery_put *put)
{
    for (size_t i = 0; i < put->op->n_rows; i++) {
        struct ledger_entry *e = ledger_find(put->b->ledger, put->rows[i].key);
        if (e && e->owner) {
            struct bigquery_put *owner =
                ((struct bigquery_put_row *)e->owner)->put;
            put->wait_next = owner->waiters;
            owner->waiters = put;
            return true;
        }
    }
    return false;
}

static void claim_row(struct bigquery_put_row *r, struct ledger_entry *e,
                      int64_t now_us)
{
    r->was_pending = e != NULL;
    if (!e)
        e = ledger_add(r->put->b->ledger, r->key, r->hash, now_us);
    e->owner = r;
    e->since_us = now_us;
    r->is_claimed = true;
}

/* All rows, in this process' ledger. Returns the row whose id is pending with
 * another content (then nothing is claimed), or NULL. */
static struct bigquery_put_row *claim_here(struct bigquery_put *put)
{
    int64_t now_us = loop_now_us(put->b->loop);

    for (size_t i = 0; i < put->op->n_rows; i++) {
        struct bigquery_put_row *r = &put->rows[i];
        struct ledger_entry *e = ledger_find(put->b->ledger, r->key);
        r->end = ROW_OPEN;
        r->first_of_id = NULL;
        if (e && e->owner) {
            r->first_of_id = e->owner;
        } else if (e && e->is_stored) {
            r->end = e->hash == r->hash ? ROW_REPEAT : ROW_CONFLICT;
        } else if (e && e->hash != r->hash) {
            release(put);
            return r;
        } else {
            claim_row(r, e, now_us);
        }
    }
    return NULL;
}

static void step(struct bigquery_put *put);

/* --- a claim that nobody answers for: the table knows -----------------------
 */

static void on_lookup(struct store_query *q)
{
    struct bigquery_put *put = LOOP_OWNER(q, struct bigquery_put, lookup);
    struct bigquery_put_row *r = put->lookup_row;
    struct bigquery *b = put->b;
    struct ledger_entry *e = ledger_find(b->ledger, r->key);
    struct buf packed;
    uint64_t hash;

    put->lookup_row = NULL;
    if (q->rc != RC_OK) {
        struct err why = q->err;
        row_list_fini(&q->rows);
        fail(put, &why);
        return;
    }
    hash = q->rows.n ? row_content_hash(q->rows.rows[0]) : r->hash;
    if (!e || !e->owner) {
        if (e)
            ledger_remove(b->ledger, e);
        if (q->rows.n)
            ledger_add(b->ledger, r->key, hash, loop_now_us(b->loop))
                ->is_stored = true;
        buf_init(&packed, PACKED_BYTES);
        bigquery_claims_pack(&packed, r->key, hash);
        bigquery_claims_mark(b, q->rows.n ? MARK_STORED : MARK_FREE_ANY,
                             buf_as_str(&packed), NULL);
        buf_fini(&packed);
    }
    row_list_fini(&q->rows);
    step(put);
}

static void look_up(struct bigquery_put *put, struct bigquery_put_row *r)
{
    put->lookup_row = r;
    put->lookup = (struct store_query){
        .loop = put->b->loop, .done = on_lookup, .limit = 1, .id = r->row->id};
    store_query(put->b->store, &put->lookup);
}

/* Another content of the id is pending: being written, or nobody knows. */
static void contested(struct bigquery_put *put, struct bigquery_put_row *r,
                      bool is_settled)
{
    if (is_settled)
        look_up(put, r);
    else
        loop_timer_arm(&put->again, RETRY_US);
}

/* --- what to send ------------------------------------------------------------
 */

static bool has(const struct bigquery_put *put, enum bigquery_end end)
{
    for (size_t i = 0; i < put->op->n_rows; i++) {
        if (put->rows[i].end == end)
            return true;
    }
    return false;
}

static bool clashes_within(const struct bigquery_put *put)
{
    for (size_t i = 0; i < put->op->n_rows; i++) {
        const struct bigquery_put_row *r = &put->rows[i];
        if (r->first_of_id && r->first_of_id->hash != r->hash)
            return true;
    }
    return false;
}

static void decide(struct bigquery_put *put)
{
    struct bigquery *b = put->b;
    bool has_conflict = has(put, ROW_CONFLICT);

    /* A ledger's word counts for the table that it was made for. */
    if ((has_conflict || has(put, ROW_REPEAT)) &&
        !bigquery_table_is_known(b, put->op->started_us)) {
        release(put);
        put->waits_for_look = true;
        b->watch.puts_wait = true;
        bigquery_table_look(b);
        return;
    }
    if (put->op->atomic && (has_conflict || clashes_within(put))) {
        finish(put);
        return;
    }
    for (size_t i = 0; i < put->op->n_rows; i++)
        put->n_open += put->rows[i].is_claimed;
    if (put->n_open == 0) {
        finish(put);
        return;
    }
    for (size_t i = 0; i < put->op->n_rows; i++) {
        if (put->rows[i].is_claimed)
            bigquery_batch_add(&put->rows[i]);
    }
    bigquery_batch_pump(b);
}

static void on_asked(struct redis_command *command)
{
    struct bigquery_put *put =
        LOOP_OWNER(command, struct bigquery_put, command);
    struct str words = command->reply.text;
    struct bigquery_put_row *held = NULL;
    bool is_settled = false;
    size_t at = 0;

    if (command->rc != RC_OK || command->reply.type != REDIS_TEXT ||
        words.len != put->n_asked) {
        if (command->rc == RC_OK)
            LOG_W("the ledger in Redis takes no claims, going on without it: "
                  "%.*s",
                  STR_ARG(words));
        decide(put);
        return;
    }
    for (size_t i = 0; i < put->op->n_rows; i++) {
        struct bigquery_put_row *r = &put->rows[i];
        char word = 'n';
        if (r->is_claimed)
            word = words.p[at++];
        if (word == 'w' || word == 'o') {
            held = r;
            is_settled = word == 'o';
        } else if (word == 'd' || word == 'c') {
            struct ledger_entry *e = ledger_find(put->b->ledger, r->key);
            r->end = word == 'd' ? ROW_REPEAT : ROW_CONFLICT;
            r->is_claimed = false;
            e->owner = NULL;
            e->is_stored = word == 'd';
            if (word == 'c')
                ledger_remove(put->b->ledger, e);
        }
    }
    if (held) {
        release(put);
        contested(put, held, is_settled);
    } else {
        decide(put);
    }
}

static void ask_redis(struct bigquery_put *put)
{
    buf_reset(&put->packed);
    put->n_asked = 0;
    for (size_t i = 0; i < put->op->n_rows; i++) {
        const struct bigquery_put_row *r = &put->rows[i];
        if (!r->is_claimed)
            continue;
        bigquery_claims_pack(&put->packed, r->key, r->hash);
        put->n_asked++;
    }
    if (!put->b->redis || put->n_asked == 0 || put->packed.failed ||
        (put->op->atomic && (has(put, ROW_CONFLICT) || clashes_within(put))))
        decide(put);
    else
        bigquery_claims_ask(put, on_asked);
}

/* From the start, holding no claim. */
static void step(struct bigquery_put *put)
{
    struct bigquery *b = put->b;
    struct bigquery_put_row *held;
    struct err err;

    if (loop_now_us(b->loop) >= put->deadline_us || b->is_cancelled) {
        err_set(&err, RC_UNAVAILABLE,
                "another record of the same id is on its way and its outcome "
                "not known yet");
        fail(put, &err);
        return;
    }
    if (!bigquery_claims_settled(b)) {
        loop_timer_arm(&put->again, RETRY_US / 10);
        return;
    }
    if (!b->watch.identity) {
        put->waits_for_look = true;
        b->watch.puts_wait = true;
        bigquery_table_look(b);
        return;
    }
    if (has_to_wait(put))
        return;
    held = claim_here(put);
    if (held)
        contested(put, held,
                  loop_now_us(b->loop) -
                          ledger_find(b->ledger, held->key)->since_us >
                      SETTLED_US);
    else
        ask_redis(put);
}

static void on_again(struct loop_timer *t)
{
    step(LOOP_OWNER(t, struct bigquery_put, again));
}

void bigquery_puts_go_on(struct bigquery *b, int rc, const struct err *why)
{
    struct bigquery_put *put = b->puts, *next;

    if (rc != RC_OK)
        bigquery_gate_told(b, &b->write_gate, BIGQUERY_RETRY, why);
    for (; put; put = next) {
        next = put->next; /* step and fail end this one alone */
        if (!put->waits_for_look)
            continue;
        put->waits_for_look = false;
        if (rc == RC_OK)
            step(put);
        else
            fail(put, why);
    }
}

/* --- the beginning -----------------------------------------------------------
 */

void bigquery_put_begin(struct bigquery *b, struct store_insert *op)
{
    struct bigquery_put *put;
    bool is_probe;

    if (!bigquery_gate_pass(b, &b->write_gate, &is_probe)) {
        op->rc =
            err_set(&op->err, RC_UNAVAILABLE, "%s", b->write_gate.why.text);
        op->next = NULL;
        store_answer_inserts(op);
        return;
    }
    put = MEM_NEW(struct bigquery_put);
    put->b = b;
    put->op = op;
    put->is_probe = is_probe;
    put->deadline_us = op->started_us + DEADLINE_US;
    put->rows = MEM_ARRAY(struct bigquery_put_row, op->n_rows);
    buf_init(&put->packed, PACKED_BYTES);
    loop_timer_init(&put->again, b->loop, on_again);
    for (size_t i = 0; i < op->n_rows; i++) {
        struct bigquery_put_row *r = &put->rows[i];
        r->put = put;
        r->row = op->rows[i];
        r->hash = row_content_hash(r->row);
        bigquery_key(r->row->id, r->key);
    }
    put->next = b->puts;
    if (b->puts)
        b->puts->prev = put;
    b->puts = put;
    step(put);
}
