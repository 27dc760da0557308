/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/attempts.h"

#include <stdlib.h>

#include "common/mem.h"
#include "emulator/pubsub/ackset.h"
#include "grpc/wire.h"

void attempts_init(struct attempts *a)
{
    *a = (struct attempts){0};
    buf_init(&a->log, SIZE_MAX / 4);
}

void attempts_fini(struct attempts *a)
{
    buf_fini(&a->log);
    mem_free(a->rows);
}

void attempts_clear(struct attempts *a)
{
    buf_reset(&a->log);
    mem_free(a->rows);
    a->rows = NULL;
    a->n = a->cap = a->n_left = 0;
}

void attempts_put(struct buf *out, uint64_t seq, uint16_t fails)
{
    wire_put_varint(out, seq);
    wire_put_varint(out, fails);
}

void attempts_note(struct attempts *a, uint64_t seq, uint16_t fails)
{
    attempts_put(&a->log, seq, fails);
}

/* --- of an earlier life --------------------------------------------------- */

int attempts_load(struct attempts *a, struct str bytes)
{
    struct wire w = wire_of(bytes);

    while (w.p < w.end) {
        uint64_t seq, fails;

        if (!wire_varint(&w, &seq) || !wire_varint(&w, &fails) || fails == 0 ||
            fails > UINT16_MAX)
            return RC_MALFORMED;
        if (a->n == a->cap) {
            a->cap = a->cap ? a->cap * 2 : 64;
            a->rows = mem_realloc(a->rows, a->cap * sizeof(*a->rows));
        }
        a->rows[a->n++] = (struct attempts_row){seq, (uint16_t)fails};
    }
    return RC_OK;
}

/* Of one number's counts the greatest is the last. */
static int compare(const void *a, const void *b)
{
    const struct attempts_row *x = a, *y = b;

    return x->seq != y->seq ? (x->seq > y->seq) - (x->seq < y->seq)
                            : (x->fails < y->fails) - (x->fails > y->fails);
}

void attempts_loaded(struct attempts *a, const struct ackset *done)
{
    size_t n = 0;

    if (a->n)
        qsort(a->rows, a->n, sizeof(*a->rows), compare);
    for (size_t i = 0; i < a->n; i++)
        if ((n == 0 || a->rows[n - 1].seq != a->rows[i].seq) &&
            !ackset_has(done, a->rows[i].seq))
            a->rows[n++] = a->rows[i];
    a->n = a->n_left = n;
    if (n == 0)
        attempts_clear(a);
}

uint16_t attempts_take(struct attempts *a, uint64_t seq)
{
    size_t from = 0, to = a->n;
    uint16_t fails;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (a->rows[mid].seq < seq)
            from = mid + 1;
        else
            to = mid;
    }
    if (from == a->n || a->rows[from].seq != seq || !a->rows[from].fails)
        return 0;
    fails = a->rows[from].fails;
    a->rows[from].fails = 0;
    if (--a->n_left == 0) {
        mem_free(a->rows);
        a->rows = NULL;
        a->n = a->cap = 0;
    }
    return fails;
}

void attempts_put_rest(const struct attempts *a, const struct ackset *done,
                       struct buf *out)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->rows[i].fails && !ackset_has(done, a->rows[i].seq))
            attempts_put(out, a->rows[i].seq, a->rows[i].fails);
}
