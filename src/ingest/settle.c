/* SPDX-License-Identifier: Apache-2.0 */
/* The three ends of a message: acknowledged after its commit, acknowledged
 * after the dead-letter topic has it, given back at shutdown. A failed publish
 * to the dead-letter topic is no end: it is repeated for ever. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "ingest/dead_letter.h"
#include "ingest/message_trace.h"
#include "ingest/pipeline.h"

static const struct retry_policy again = {
    .first_us = 100 * US_PER_MS,
    .max_us = 5 * US_PER_S,
};

struct settle_letter {
    struct dead_letter letter;
    struct pipeline *pipeline;
    struct item *item;
};

void settle_ack(struct pipeline *p, struct item *item)
{
    subscriber_ack(p->config.subscriber, item->message);
    pipeline_item_free(p, item);
}

void settle_return(struct pipeline *p, struct item *item)
{
    pipeline_count(p->metrics.returned, 1);
    subscriber_return(p->config.subscriber, item->message);
    pipeline_item_free(p, item);
}

static void forget_letter(struct item *item)
{
    mem_free(item->letter);
    item->letter = NULL;
}

static void on_refused(struct pipeline *p, struct settle_letter *s)
{
    const struct publish *publish = &s->letter.publish;
    struct item *item = s->item;
    int64_t delay = 0;

    if (p->is_draining) {
        forget_letter(item);
        settle_return(p, item);
        return;
    }
    pipeline_count(p->metrics.transient, 1);
    if ((publish->rc == RC_INVALID || publish->rc == RC_TOO_LARGE) &&
        dead_letter_reduce(&s->letter))
        LOG_W("%s refuses a message, trying it without its own attributes: "
              "%s",
              p->config.dead_letter_topic, publish->err->text);
    else
        LOG_E("cannot publish a refused message to %s, keeping it and trying "
              "on (does the topic exist, may this account publish to it?): "
              "%s",
              p->config.dead_letter_topic, publish->err->text);
    item_list_push(&p->letters, item);
    if (loop_timer_is_armed(&p->letter_timer))
        return;
    retry_next(&p->letter_retry, &again, clock_mono_us(), rand_unit(&p->rand),
               0, &delay);
    loop_timer_arm(&p->letter_timer, delay);
}

static void on_published(struct publish *publish)
{
    struct settle_letter *s =
        LOOP_OWNER(publish, struct settle_letter, letter.publish);
    struct pipeline *p = s->pipeline;
    struct item *item = s->item;

    if (publish->rc != RC_OK) {
        on_refused(p, s);
        return;
    }
    retry_reset(&p->letter_retry);
    pipeline_count(p->metrics.rejected, 1);
    pipeline_count(p->metrics.permanent, 1);
    forget_letter(item);
    settle_ack(p, item);
}

void settle_reject(struct pipeline *p, struct item *item, const char *error,
                   const char *field, const char *detail)
{
    struct settle_letter *s = MEM_NEW(struct settle_letter);
    struct str trace = message_trace(item->message);
    char log[MESSAGE_TRACE_LOG_MAX];

    row_unref(item->row);
    item->row = NULL;
    item->letter = s;
    s->pipeline = p;
    s->item = item;
    dead_letter_init(&s->letter, item->message, error, field, detail);
    s->letter.publish.done = on_published;
    if (trace.p)
        message_trace_log(trace, p->config.project, log);
    LOG_AT(LOG_WARN, trace.p ? log : NULL,
           "message %.*s is refused (%s): it goes to %s",
           STR_ARG(item->message->id), error, p->config.dead_letter_topic);
    p->config.publish(p->config.publisher, &s->letter.publish);
}

static void on_timer(struct loop_timer *timer)
{
    struct pipeline *p = LOOP_OWNER(timer, struct pipeline, letter_timer);
    struct item_list list = p->letters;
    struct item *item;

    p->letters = (struct item_list){0};
    while ((item = item_list_pop(&list)))
        p->config.publish(p->config.publisher, &item->letter->letter.publish);
}

void settle_give_back(struct pipeline *p)
{
    struct item *item;

    loop_timer_cancel(&p->letter_timer);
    while ((item = item_list_pop(&p->letters))) {
        forget_letter(item);
        settle_return(p, item);
    }
}

void settle_init(struct pipeline *p)
{
    loop_timer_init(&p->letter_timer, p->config.loop, on_timer);
}
