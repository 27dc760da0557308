/* SPDX-License-Identifier: Apache-2.0 */
/* A message's bytes against the schema. One message is one record. */
#include "common/clock.h"
#include "ingest/pipeline.h"

int validate_message(const struct pipeline *p, const struct message *message,
                     struct row **out, struct reject *why)
{
    struct row_window window =
        row_window_at(clock_wall_us(), p->config.max_future_s);

    return row_parse(p->config.schema, message->data, &window, out, why);
}
