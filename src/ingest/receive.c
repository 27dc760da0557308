/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriber's callbacks: a message becomes an item, and is sent on its
 * way or refused. */
#include "common/log.h"
#include "ingest/pipeline.h"

void receive_message(struct message *message, void *pipeline)
{
    struct pipeline *p = pipeline;
    struct item *item = pipeline_item_new(p, message);
    struct reject why;
    int rc;

    if (p->is_draining) {
        settle_return(p, item);
        return;
    }
    rc = validate_message(p, message, &item->row, &why);
    if (rc == RC_OK)
        persist_add(p, item);
    else if (rc == RC_NOMEM)
        settle_return(p, item); /* no fault of the message */
    else
        settle_reject(p, item, reject_kind_name(why.kind), why.field,
                      why.reason);
}

void receive_batch_end(void *pipeline)
{
    persist_pump(pipeline);
}

void receive_state(bool up, const char *why, void *pipeline)
{
    struct pipeline *p = pipeline;

    p->is_pubsub_up = up;
    pipeline_gauge(p->metrics.pubsub_up, up);
    if (up) {
        LOG_I("messages come from %s", why);
    } else {
        pipeline_count(p->metrics.transient, 1);
        LOG_W("%s", why);
    }
}
