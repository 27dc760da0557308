/* SPDX-License-Identifier: Apache-2.0 */
/* A run is two varints: its first number, and twice its length plus one if it
 * is wanted again. */
#include "emulator/pubsub/journal.h"

#include "emulator/pubsub/ackset.h"
#include "grpc/wire.h"

void journal_init(struct journal *j)
{
    *j = (struct journal){0};
    buf_init(&j->out, SIZE_MAX / 4);
}

void journal_fini(struct journal *j)
{
    buf_fini(&j->out);
}

static void end_run(struct journal *j)
{
    if (j->from == j->to)
        return;
    wire_put_varint(&j->out, j->from);
    wire_put_varint(&j->out, (j->to - j->from) << 1 | j->undone);
    j->from = j->to = 0;
}

void journal_add(struct journal *j, uint64_t from, uint64_t to, bool done)
{
    if (from >= to)
        return;
    if (j->from != j->to && j->to == from && j->undone == !done) {
        j->to = to;
        return;
    }
    end_run(j);
    j->from = from;
    j->to = to;
    j->undone = !done;
}

bool journal_is_empty(const struct journal *j)
{
    return j->from == j->to && j->out.len == 0;
}

char *journal_take(struct journal *j, size_t *len)
{
    end_run(j);
    return buf_take(&j->out, len);
}

void journal_drop(struct journal *j)
{
    buf_reset(&j->out);
    j->from = j->to = 0;
}

int journal_apply(struct ackset *set, struct str bytes)
{
    struct wire w = wire_of(bytes);

    while (w.p < w.end) {
        uint64_t from, run;

        if (!wire_varint(&w, &from) || !wire_varint(&w, &run) ||
            from + (run >> 1) < from)
            return RC_MALFORMED;
        if (run & 1 ? set->frontier > from + ACKSET_SPAN_MAX
                    : from + (run >> 1) > set->frontier + ACKSET_SPAN_MAX)
            return RC_MALFORMED;
        if (run & 1)
            ackset_remove_range(set, from, from + (run >> 1));
        else
            ackset_add_range(set, from, from + (run >> 1));
    }
    return RC_OK;
}
