/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions that write elsewhere: the batch that each has under way, and
 * which kind one is. */
#include <stdio.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/export_priv.h"

/* --- refusals ------------------------------------------------------------- */

enum {
    REFUSALS = 512, /* kept a subscription: more than one batch refuses */
    REFUSAL_MAX = 256
};

struct refusal {
    uint64_t seq; /* 0: none, as no message has it */
    char why[REFUSAL_MAX];
};

static void note_refusal(struct sub *sub, uint64_t seq, uint64_t id,
                         const char *why)
{
    struct refusal *r;

    if (!sub->refusals)
        sub->refusals = MEM_ARRAY(struct refusal, REFUSALS);
    r = &sub->refusals[seq % REFUSALS];
    r->seq = seq + 1;
    snprintf(r->why, sizeof(r->why), "%s", why);
    /* it may quote anything, cut anywhere, and becomes an attribute */
    for (char *p = r->why; *p && !json_is_utf8(str_from(r->why)); p++)
        if ((unsigned char)*p > 0x7f)
            *p = '?';
    LOG_W("%s: message %llu is not written: %s", sub->name,
          (unsigned long long)id, why);
}

const char *export_refusal(const struct sub *sub, uint64_t seq)
{
    const struct refusal *r =
        sub->refusals ? &sub->refusals[seq % REFUSALS] : NULL;

    return r && r->seq == seq + 1 ? r->why : NULL;
}

void export_forget(struct sub *sub)
{
    mem_free(sub->refusals);
    sub->refusals = NULL;
}

/* --- the batch ------------------------------------------------------------ */

enum {
    TURN_MESSAGES = 4000, /* settled before others have their turn: 1 ms */
    TURN_BYTES = 4 << 20  /* whose memory may be given back */
};

void export_batch_init(struct export_batch *b, struct sub *sub)
{
    *b = (struct export_batch){.sub = sub, .taker = taker_new()};
}

bool export_batch_next(struct export_batch *b, int64_t lease_us,
                       struct delivery *out)
{
    b->taker->n_frame = 0; /* there is no answer that it must fit into */
    return deliver_next(b->sub, b->taker, lease_us, pubsub_now(b->sub->service),
                        out) == SUB_GOT;
}

void export_batch_add(struct export_batch *b, const struct delivery *d)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->items = mem_realloc(b->items, b->cap * sizeof(*b->items));
    }
    b->items[b->n++] =
        (struct export_item){.seq = d->seq,
                             .id = d->id,
                             .nonce = d->nonce,
                             .len = (uint32_t)d->message.len & INT32_MAX};
}

void export_batch_mark(struct export_batch *b, size_t i, const char *why)
{
    b->items[i].refused = true;
    note_refusal(b->sub, b->items[i].seq, b->items[i].id, why);
}

void export_batch_refuse(struct export_batch *b, const struct delivery *d,
                         const char *why)
{
    note_refusal(b->sub, d->seq, d->id, why);
    (void)subcore_modack(&b->sub->core, d->seq, d->nonce, 0,
                         pubsub_now(b->sub->service));
    keep_changed(b->sub);
    sub_due(b->sub); /* it may be a dead letter now */
}

void export_batch_extend(struct export_batch *b, int64_t lease_us)
{
    for (size_t i = 0; i < b->n; i++)
        (void)subcore_modack(&b->sub->core, b->items[i].seq, b->items[i].nonce,
                             lease_us, pubsub_now(b->sub->service));
}

bool export_batch_settle_some(struct export_batch *b)
{
    struct sub *sub = b->sub;
    int64_t now_us = pubsub_now(sub->service);
    size_t from = b->n_settled, to = from, len = 0;

    for (; to < b->n && to - from < TURN_MESSAGES && len < TURN_BYTES; to++) {
        const struct export_item *item = &b->items[to];

        len += item->len;
        if (item->refused)
            (void)subcore_modack(&sub->core, item->seq, item->nonce, 0, now_us);
        else
            (void)subcore_ack(&sub->core, item->seq, item->nonce, now_us);
    }
    sub->n_acked += to - from;
    b->n_settled = to < b->n ? to : 0;
    b->n = to < b->n ? b->n : 0;
    keep_changed(sub);
    return b->n == 0;
}

void export_batch_settle(struct export_batch *b)
{
    while (!export_batch_settle_some(b)) {
    }
    sub_due(b->sub);
}

void export_batch_fini(struct export_batch *b)
{
    export_batch_extend(b, 0);
    subcore_close_taker(&b->sub->core, b->taker, pubsub_now(b->sub->service));
    mem_free(b->items);
    *b = (struct export_batch){0};
}

void export_show(struct sub *sub, bool active)
{
    sub->config->state =
        active ? GOOGLE__PUBSUB__V1__SUBSCRIPTION__STATE__ACTIVE
               : GOOGLE__PUBSUB__V1__SUBSCRIPTION__STATE__RESOURCE_ERROR;
}

/* Nobody slows down who comes again by himself: without a retry policy what is
 * refused waits as a push subscription's messages do. */
static void slow_down(struct sub *sub)
{
    struct sub_rules *r = &sub->core.rules;

    if (r->has_backoff || (!sub->export && !sub->storage))
        return;
    r->has_backoff = true;
    r->backoff_min_us = US_PER_S / 10;
    r->backoff_max_us = 60 * US_PER_S;
}

/* --- both kinds ----------------------------------------------------------- */

enum grpc_status export_check(PB(Subscription) * config, const struct topic *t,
                              struct err *err)
{
    bool push = config->push_config && *config->push_config->push_endpoint;
    enum grpc_status status;

    if (push + (config->bigquery_config != NULL) +
            (config->cloud_storage_config != NULL) >
        1) {
        err_set(err, RC_INVALID,
                "A subscription may have only one of push_config, "
                "bigquery_config and cloud_storage_config.");
        return GRPC_INVALID_ARGUMENT;
    }
    if (config->enable_exactly_once_delivery &&
        (config->bigquery_config || config->cloud_storage_config)) {
        err_set(err, RC_INVALID,
                "Exactly-once delivery is not supported for %s subscriptions.",
                config->bigquery_config ? "BigQuery" : "Cloud Storage");
        return GRPC_INVALID_ARGUMENT;
    }
    status = bigquery_check(config, t, err);
    return status ? status : cloud_storage_check(config, t, err);
}

void export_apply(struct sub *sub)
{
    bigquery_apply(sub);
    cloud_storage_apply(sub);
    slow_down(sub);
}

void export_end(struct sub *sub)
{
    bigquery_end(sub);
    cloud_storage_end(sub);
}

void export_look(struct sub *sub)
{
    bigquery_look(sub);
}

void export_serve(struct sub *sub)
{
    bigquery_serve(sub);
    cloud_storage_serve(sub);
}
