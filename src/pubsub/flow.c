/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/flow.h"

#include <stdint.h>

void flow_init(struct flow *f, size_t max_messages, size_t max_bytes)
{
    *f = (struct flow){.max_messages = max_messages ? max_messages : 1,
                       .max_bytes = max_bytes,
                       .ceiling = FLOW_PULL_MAX};
}

size_t flow_next(const struct flow *f)
{
    size_t used = f->held + f->asked;
    size_t room = used < f->max_messages ? f->max_messages - used : 0;
    size_t wanted = f->ceiling;
    size_t expected, bytes_room;

    /* Many requests for a few messages each would cost more than they bring:
     * wait for room that is worth one. */
    if (used && room < wanted && room < f->max_messages / 8 + 1)
        return 0;
    if (room < wanted)
        wanted = room;
    if (f->average == 0)
        return wanted;
    expected = f->held_bytes + f->asked * f->average;
    bytes_room = expected < f->max_bytes ? f->max_bytes - expected : 0;
    if (wanted > bytes_room / f->average)
        wanted = bytes_room / f->average;
    /* a message larger than all the room must still come through, alone */
    return wanted == 0 && used == 0 ? 1 : wanted;
}

void flow_received(struct flow *f, size_t n, size_t bytes)
{
    size_t each = n ? bytes / n + 1 : 0;

    f->held += n;
    f->held_bytes += bytes;
    if (n == 0)
        return;
    f->average = f->average ? (f->average * 3 + each) / 4 : each;
    if (f->ceiling < FLOW_PULL_MAX)
        f->ceiling =
            f->ceiling * 2 < FLOW_PULL_MAX ? f->ceiling * 2 : FLOW_PULL_MAX;
}

void flow_too_large(struct flow *f, size_t asked)
{
    size_t half = asked > 1 ? asked / 2 : 1;

    if (half < f->ceiling)
        f->ceiling = half;
}
