/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/pipeline.h"

#include "common/clock.h"
#include "common/mem.h"

enum {
    SPARE_ITEMS = 1024,
    TRIM_MESSAGES = 10000 /* a burst */
};
#define LAG_US US_PER_S

/* --- lists -------------------------------------------------------------------
 */

static size_t weight(const struct item *item)
{
    return item->row ? item->row->json.len : 0;
}

void item_list_push(struct item_list *l, struct item *item)
{
    item->next = NULL;
    if (l->last)
        l->last->next = item;
    else
        l->first = item;
    l->last = item;
    l->n++;
    l->bytes += weight(item);
}

struct item *item_list_pop(struct item_list *l)
{
    struct item *item = l->first;

    if (!item)
        return NULL;
    l->first = item->next;
    if (!l->first)
        l->last = NULL;
    l->n--;
    l->bytes -= weight(item);
    item->next = NULL;
    return item;
}

void item_list_put_first(struct item_list *l, struct item_list *more)
{
    if (!more->first)
        return;
    more->last->next = l->first;
    if (!l->first)
        l->last = more->last;
    l->first = more->first;
    l->n += more->n;
    l->bytes += more->bytes;
    *more = (struct item_list){0};
}

/* --- items
 * -------------------------------------------------------------------- */

struct item *pipeline_item_new(struct pipeline *p, struct message *message)
{
    struct item *item = p->spare;

    if (item) {
        p->spare = item->next;
        p->n_spare--;
        *item = (struct item){0};
    } else {
        item = MEM_NEW(struct item);
    }
    item->message = message;
    message->user = item;
    item->older = p->newest;
    if (p->newest)
        p->newest->newer = item;
    else
        p->oldest = item;
    p->newest = item;
    p->n_held++;
    p->n_since_trim++;
    if (!loop_timer_is_armed(&p->lag_timer))
        loop_timer_arm(&p->lag_timer, LAG_US);
    return item;
}

static void tell_if_drained(struct pipeline *p)
{
    if (p->is_draining && !p->is_closed && p->n_held == 0)
        loop_timer_arm(&p->drained_timer, 0);
}

void pipeline_item_free(struct pipeline *p, struct item *item)
{
    if (item->older)
        item->older->newer = item->newer;
    else
        p->oldest = item->newer;
    if (item->newer)
        item->newer->older = item->older;
    else
        p->newest = item->older;
    p->n_held--;
    row_unref(item->row);
    mem_free(item->letter);
    if (p->n_spare < SPARE_ITEMS) {
        item->next = p->spare;
        p->spare = item;
        p->n_spare++;
    } else {
        mem_free(item);
    }
    tell_if_drained(p);
}

/* --- metrics
 * ------------------------------------------------------------------ */

void pipeline_count(struct metric *counter, uint64_t n)
{
    if (counter)
        metric_add(counter, n);
}

void pipeline_gauge(struct metric *gauge, double value)
{
    if (gauge)
        metric_set(gauge, value);
}

static void free_spare(struct pipeline *p)
{
    while (p->spare) {
        struct item *next = p->spare->next;
        mem_free(p->spare);
        p->spare = next;
    }
    p->n_spare = 0;
}

/* A backlog is over: an idle process is to be small again. */
static void rest_after_burst(struct pipeline *p)
{
    p->n_since_trim = 0;
    free_spare(p);
    mem_trim();
}

/* Age of the oldest message held, once a second while there is any. */
static void on_lag(struct loop_timer *timer)
{
    struct pipeline *p = LOOP_OWNER(timer, struct pipeline, lag_timer);
    int64_t now = clock_wall_us(), oldest = now;

    if (p->is_closed)
        return;
    for (const struct item *i = p->oldest; i; i = i->newer) {
        int64_t us = i->message->publish_us;
        if (us && us < oldest)
            oldest = us;
    }
    pipeline_gauge(p->metrics.lag, (double)(now - oldest) / (double)US_PER_S);
    if (p->oldest)
        loop_timer_arm(&p->lag_timer, LAG_US);
    else if (p->n_since_trim >= TRIM_MESSAGES)
        rest_after_burst(p);
}

static struct metric *series(struct metrics *m, enum metric_family family,
                             const char *label)
{
    const char *const labels[] = {label};

    return metrics_get(m, family, labels);
}

static void open_metrics(struct pipeline *p, struct metrics *m)
{
    struct pipeline_metrics *own = &p->metrics;

    own->stored = series(m, METRIC_INGEST_MESSAGES, "stored");
    own->duplicate = series(m, METRIC_INGEST_MESSAGES, "duplicate");
    own->rejected = series(m, METRIC_INGEST_MESSAGES, "rejected");
    own->returned = series(m, METRIC_INGEST_MESSAGES, "returned");
    own->transient = series(m, METRIC_INGEST_ERRORS, "transient");
    own->permanent = series(m, METRIC_INGEST_ERRORS, "permanent");
    own->lag = series(m, METRIC_INGEST_LAG, NULL);
    own->store_up = series(m, METRIC_DEPENDENCY_UP, "store");
    metric_set(own->lag, 0);
    if (!p->config.is_push) {
        own->pubsub_up = series(m, METRIC_DEPENDENCY_UP, "pubsub");
        metric_set(own->pubsub_up, 0); /* until it answered */
    }
    metric_set(own->store_up, 1); /* it was opened; until it fails */
}

/* --- life
 * --------------------------------------------------------------------- */

static void on_drained(struct loop_timer *timer)
{
    struct pipeline *p = LOOP_OWNER(timer, struct pipeline, drained_timer);

    if (!p->is_closed && p->n_held == 0)
        p->config.on_drained(p->config.arg);
}

void pipeline_init(struct pipeline *p, const struct pipeline_config *config)
{
    uint64_t seed;

    *p = (struct pipeline){.config = *config};
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&p->rand, seed);
    if (config->metrics)
        open_metrics(p, config->metrics);
    persist_init(p);
    settle_init(p);
    loop_timer_init(&p->lag_timer, config->loop, on_lag);
    loop_timer_init(&p->drained_timer, config->loop, on_drained);
}

void pipeline_drain(struct pipeline *p)
{
    p->is_draining = true;
    subscriber_pause(p->config.subscriber);
    settle_give_back(p);
    if (p->is_store_down)
        persist_give_back(p);
    else
        persist_pump(p);
    tell_if_drained(p);
}

void pipeline_give_up(struct pipeline *p)
{
    settle_give_back(p);
    persist_give_back(p);
}

void pipeline_close(struct pipeline *p)
{
    p->is_closed = true;
    loop_timer_cancel(&p->store_timer);
    loop_timer_cancel(&p->letter_timer);
    loop_timer_cancel(&p->lag_timer);
    loop_timer_cancel(&p->drained_timer);
    pipeline_gauge(p->metrics.lag, 0);
}

bool pipeline_is_idle(const struct pipeline *p)
{
    return p->calls == 0;
}

void pipeline_fini(struct pipeline *p)
{
    while (p->oldest)
        pipeline_item_free(p, p->oldest);
    free_spare(p);
    loop_timer_fini(&p->store_timer);
    loop_timer_fini(&p->letter_timer);
    loop_timer_fini(&p->lag_timer);
    loop_timer_fini(&p->drained_timer);
}
