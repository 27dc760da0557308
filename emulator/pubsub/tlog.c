/* SPDX-License-Identifier: Apache-2.0 */
/* The log as a deque of batch headers, found by binary search. */
#include "emulator/pubsub/tlog.h"

#include "common/mem.h"
#include "emulator/pubsub/slab.h"
#include "emulator/pubsub/journal.h"
#include "grpc/wire.h"

enum {
    SAMPLE_MIN = 4 /* batches whose messages stand for those behind them */
};

struct batch *batch_new(char *bytes, uint32_t len, uint32_t n)
{
    struct batch *b = MEM_NEW(struct batch);

    b->bytes = bytes;
    b->len = len;
    b->n = n;
    return b;
}

struct batch *batch_new_whole(struct slabs *slabs, char *bytes, uint32_t len,
                              uint32_t n)
{
    size_t size = offsetof(struct batch, own) + len;
    struct batch *b = slab_alloc(
        slabs, size < sizeof(struct batch) ? sizeof(struct batch) : size);

    b->bytes = (char *)b + offsetof(struct batch, own);
    b->whole = true;
    memcpy(b->bytes, bytes, len);
    b->len = len;
    b->n = n;
    mem_free(bytes);
    return b;
}

void batch_drop_bytes(struct batch *b)
{
    if (!b->whole)
        mem_free(b->bytes);
    b->bytes = NULL;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    batch_drop_bytes(b);
    if (b->whole)
        slab_free(b);
    else
        mem_free(b);
}

void tlog_init(struct tlog *log, const struct tlog_events *events)
{
    *log = (struct tlog){.last_us = INT64_MIN, .events = events};
}

void tlog_fini(struct tlog *log)
{
    for (size_t i = log->head; i < log->tail; i++)
        batch_free(log->batches[i]);
    mem_free(log->batches);
    *log = (struct tlog){0};
}

static uint64_t batch_end(const struct batch *b)
{
    return b->first_seq + b->n;
}

/* Frees headers of gone batches: those at the front, and all once they are
 * more than half. */
static void trim(struct tlog *log)
{
    size_t head = log->head;

    while (log->head < log->tail && log->batches[log->head]->gone &&
           log->batches[log->head]->pins == 0) {
        batch_free(log->batches[log->head++]);
        log->n_gone--;
    }
    if (log->n_gone > 64 && log->n_gone > (log->tail - log->head) / 2) {
        size_t to = log->head;

        for (size_t i = log->head; i < log->tail; i++) {
            struct batch *b = log->batches[i];

            if (b->gone && b->pins == 0) {
                batch_free(b);
                log->n_gone--;
            } else {
                log->batches[to++] = b;
            }
        }
        log->tail = to;
        log->epoch++;
    }
    if (head != log->head)
        log->epoch++;
    if (log->head == log->tail)
        log->head = log->tail = 0;
}

/* Lets a batch go if nothing keeps it; its header is trim's. */
static bool let_go(struct tlog *log, struct batch *b)
{
    if (b->needs > 0 || b->pins > 0 || b->gone)
        return false;
    if (log->keep_us > 0 && b->first_seq >= log->kept_from)
        return false;
    b->gone = true;
    log->n_gone++;
    log->n_bytes -= b->len;
    if (log->events)
        log->events->on_gone(log, b, log->events->arg);
    batch_drop_bytes(b);
    return true;
}

static void settle(struct tlog *log, struct batch *b)
{
    if (let_go(log, b))
        trim(log);
}

static void make_room(struct tlog *log)
{
    size_t n = log->tail - log->head;

    if (log->tail < log->cap)
        return;
    if (log->head > log->cap / 2) {
        memmove(log->batches, log->batches + log->head,
                n * sizeof(*log->batches));
        log->head = 0;
        log->tail = n;
        return;
    }
    log->cap = log->cap ? log->cap * 2 : 16;
    log->batches = mem_realloc(log->batches, log->cap * sizeof(*log->batches));
}

void tlog_skip_to(struct tlog *log, uint64_t seq)
{
    if (seq <= log->end_seq)
        return;
    for (struct holder *h = log->holders; h; h = h->next)
        ackset_add_range(&h->done, log->end_seq, seq);
    log->end_seq = seq;
}

void tlog_append(struct tlog *log, struct batch *b)
{
    make_room(log);
    tlog_skip_to(log, b->first_seq);
    log->batches[log->tail++] = b;
    log->end_seq = batch_end(b);
    log->n_bytes += b->len;
    if (b->publish_us > log->last_us)
        log->last_us = b->publish_us;
    b->needs = 0;
    for (struct holder *h = log->holders; h; h = h->next)
        b->needs += !ackset_has_range(&h->done, b->first_seq, batch_end(b));
    settle(log, b);
}

void tlog_attach(struct tlog *log, struct holder *h)
{
    uint64_t at = 0;

    h->next = log->holders;
    log->holders = h;
    log->n_holders++;
    for (size_t i = log->head; i < log->tail; i++) {
        struct batch *b = log->batches[i];

        ackset_add_range(&h->done, at, b->first_seq);
        at = batch_end(b);
        if (b->gone)
            ackset_add_range(&h->done, b->first_seq, at);
        else
            b->needs += !ackset_has_range(&h->done, b->first_seq, at);
    }
    ackset_add_range(&h->done, at, log->end_seq);
}

/* From the newest to the oldest, since letting go frees headers in front. */
static void settle_all(struct tlog *log, const struct holder *leaving)
{
    for (size_t i = log->tail; i > log->head; i--) {
        struct batch *b = log->batches[i - 1];

        if (b->gone)
            continue;
        if (leaving &&
            !ackset_has_range(&leaving->done, b->first_seq, batch_end(b)))
            b->needs--;
        let_go(log, b);
    }
    trim(log);
}

void tlog_detach(struct tlog *log, struct holder *h)
{
    struct holder **at = &log->holders;

    while (*at && *at != h)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = h->next;
    h->next = NULL;
    log->n_holders--;
    settle_all(log, h);
}

static void note(const struct holder *h, uint64_t from, uint64_t to, bool done)
{
    if (h->journal)
        journal_add(h->journal, from, to, done);
}

bool tlog_done(struct tlog *log, struct holder *h, struct batch *b,
               uint64_t seq)
{
    if (!ackset_add(&h->done, seq))
        return false;
    note(h, seq, seq + 1, true);
    if (!b)
        b = tlog_find(log, seq);
    if (b && b->first_seq <= seq && !b->gone &&
        ackset_has_range(&h->done, b->first_seq, batch_end(b))) {
        b->needs--;
        settle(log, b);
    }
    return true;
}

void tlog_done_range(struct tlog *log, struct holder *h, uint64_t from,
                     uint64_t to)
{
    note(h, from, to, true);
    while (from < to) {
        struct batch *b = tlog_find(log, from);
        uint64_t end = b ? batch_end(b) : to;
        bool was;

        if (!b || b->first_seq >= to) {
            ackset_add_range(&h->done, from, to);
            return;
        }
        end = end < to ? end : to;
        was = ackset_has_range(&h->done, b->first_seq, batch_end(b));
        ackset_add_range(&h->done, from, end);
        if (!was && !b->gone &&
            ackset_has_range(&h->done, b->first_seq, batch_end(b))) {
            b->needs--;
            settle(log, b);
        }
        from = end;
    }
}

void tlog_undone(struct tlog *log, struct holder *h, struct batch *b,
                 uint64_t seq)
{
    (void)log;
    if (b->gone || !ackset_has(&h->done, seq))
        return;
    if (ackset_has_range(&h->done, b->first_seq, batch_end(b)))
        b->needs++;
    ackset_remove_range(&h->done, seq, seq + 1);
    note(h, seq, seq + 1, false);
}

void tlog_assign(struct tlog *log, struct holder *h, struct ackset *set)
{
    uint64_t at = 0;

    for (size_t i = log->head; i < log->tail; i++) {
        struct batch *b = log->batches[i];

        ackset_add_range(set, at, b->first_seq);
        at = batch_end(b);
        if (b->gone) {
            ackset_add_range(set, b->first_seq, at);
            continue;
        }
        b->needs -= !ackset_has_range(&h->done, b->first_seq, at);
        b->needs += !ackset_has_range(set, b->first_seq, at);
    }
    ackset_add_range(set, at, log->end_seq);
    ackset_fini(&h->done);
    h->done = *set;
    settle_all(log, NULL);
}

void tlog_unpin(struct tlog *log, struct batch *b)
{
    b->pins--;
    if (b->gone)
        trim(log);
    else
        settle(log, b);
}

/* Index of the first batch whose end lies behind `seq`. */
static size_t index_of(const struct tlog *log, uint64_t seq)
{
    size_t lo = log->head, hi = log->tail;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (batch_end(log->batches[mid]) <= seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct batch *tlog_find(const struct tlog *log, uint64_t seq)
{
    size_t i = index_of(log, seq);

    return i < log->tail ? log->batches[i] : NULL;
}

struct batch *tlog_after(const struct tlog *log, const struct batch *b)
{
    return tlog_find(log, batch_end(b));
}

static uint64_t batch_free_bytes(const struct batch *b,
                                 const struct ackset *done, uint64_t n_free)
{
    uint64_t bytes = 0;
    uint32_t offset = 0, next;

    if (n_free == 0 || n_free == b->n)
        return n_free ? b->len : 0;
    if (!b->bytes)
        return b->len * n_free / b->n;
    for (uint32_t i = 0; i < b->n; i++, offset = next) {
        (void)batch_message_at(b, offset, &next);
        if (!ackset_has(done, b->first_seq + i))
            bytes += next - offset;
    }
    return bytes;
}

uint64_t tlog_free_bytes(const struct tlog *log, const struct ackset *done,
                         size_t *budget)
{
    uint64_t bytes = 0, n = 0, left;
    size_t first = index_of(log, done->frontier), i = first;

    for (; i < log->tail && (*budget > 0 || i < first + SAMPLE_MIN); i++) {
        const struct batch *b = log->batches[i];
        uint64_t n_free =
            b->gone ? 0 : ackset_count_free(done, b->first_seq, batch_end(b));

        bytes += batch_free_bytes(b, done, n_free);
        n += n_free;
        *budget -= *budget > 0;
    }
    if (i == log->tail || n == 0)
        return bytes;
    left = ackset_count_free(done, log->batches[i]->first_seq, log->end_seq);
    return bytes + (uint64_t)((double)bytes / (double)n * (double)left);
}

uint64_t tlog_seq_at(const struct tlog *log, int64_t at_us)
{
    size_t lo = log->head, hi = log->tail;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (log->batches[mid]->publish_us < at_us)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < log->tail ? log->batches[lo]->first_seq : log->end_seq;
}

void tlog_expire(struct tlog *log, int64_t now_us)
{
    if (log->keep_us == 0)
        return;
    for (;;) {
        struct batch *b = tlog_find(log, log->kept_from);

        if (!b || b->publish_us + log->keep_us > now_us)
            return;
        log->kept_from = batch_end(b);
        settle(log, b);
    }
}

int64_t tlog_next_expiry(const struct tlog *log)
{
    struct batch *b;

    if (log->keep_us == 0)
        return INT64_MAX;
    b = tlog_find(log, log->kept_from);
    return b ? b->publish_us + log->keep_us : INT64_MAX;
}

void tlog_set_keep(struct tlog *log, int64_t keep_us, int64_t now_us)
{
    if (log->keep_us == keep_us)
        return;
    log->keep_us = keep_us;
    log->kept_from = 0;
    tlog_expire(log, now_us);
    settle_all(log, NULL);
}

struct str batch_message_at(const struct batch *b, uint32_t offset,
                            uint32_t *next_offset)
{
    struct wire w = wire_of(str_of(b->bytes + offset, b->len - offset));
    uint64_t len = 0;
    struct str message;

    if (!wire_varint(&w, &len) || len > (uint64_t)(w.end - w.p))
        len = (uint64_t)(w.end - w.p); /* never: batches are written whole */
    message = str_of((const char *)w.p, (size_t)len);
    *next_offset = (uint32_t)((const char *)w.p + len - b->bytes);
    return message;
}

uint32_t batch_offset_of(const struct batch *b, uint32_t i)
{
    uint32_t offset = 0;

    while (i-- > 0)
        (void)batch_message_at(b, offset, &offset);
    return offset;
}
