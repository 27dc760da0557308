/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/shared.h"

#include <inttypes.h>

#include "cache/frame.h"
#include "common/buf.h"

/* `1 EPOCH COUNTER BORN\n` */
void shared_put_head(struct buf *out, struct generation gen,
                     int64_t born_wall_us)
{
    char epoch[FRAME_EPOCH + 1];

    frame_put_epoch(epoch, gen.epoch);
    buf_printf(out, "1 %s %" PRIu64 " %" PRId64 "\n", epoch, gen.counter,
               born_wall_us);
}

bool shared_parse(struct str text, struct generation *gen,
                  int64_t *born_wall_us, struct str *bytes)
{
    struct str rest = text, head = str_cut(&rest, '\n'), word;

    if (!rest.p || head.len > SHARED_HEAD_MAX || !str_starts(head, STR("1 ")))
        return false;
    (void)str_cut(&head, ' ');
    word = str_cut(&head, ' ');
    if (!head.p || !frame_parse_epoch(word, &gen->epoch))
        return false;
    word = str_cut(&head, ' ');
    if (!head.p || !str_to_u64(word, &gen->counter) ||
        !str_to_i64(head, born_wall_us))
        return false;
    *bytes = rest;
    return true;
}

struct str shared_head(struct str text)
{
    struct str rest = text, head = str_cut(&rest, '\n');

    return head.len > SHARED_HEAD_MAX ? str_of(head.p, SHARED_HEAD_MAX) : head;
}
