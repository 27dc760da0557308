/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/push_subscriber.h"

#include <stddef.h>

#include "common/mem.h"

struct push_subscriber {
    struct loop *loop;
    struct subscriber_config config;
    struct ingest_push *held; /* by the pipeline */
    struct ingest_push *over; /* to be answered on the next turn */
    size_t n, bytes;
    bool is_paused, is_closing;
    struct loop_timer turn;
    bool was_told; /* up */
    void (*closed)(void *arg);
    void *closed_arg;
};

static struct ingest_push *push_of(struct message *message)
{
    return LOOP_OWNER(message, struct ingest_push, message);
}

static void answer_later(struct push_subscriber *s, struct ingest_push *push,
                         bool ok)
{
    push->ok = ok;
    push->next = s->over;
    s->over = push;
    loop_timer_arm(&s->turn, 0);
}

static void let_go(struct push_subscriber *s, struct ingest_push *push, bool ok)
{
    if (push->prev)
        push->prev->next = push->next;
    else
        s->held = push->next;
    if (push->next)
        push->next->prev = push->prev;
    s->n--;
    s->bytes -= push->message.data.len;
    answer_later(s, push, ok);
}

static void on_turn(struct loop_timer *timer)
{
    struct push_subscriber *s = LOOP_OWNER(timer, struct push_subscriber, turn);
    struct ingest_push *list = s->over;

    s->over = NULL;
    while (list) {
        struct ingest_push *push = list;
        list = push->next;
        push->done(push);
    }
    if (s->is_closing) {
        s->closed(s->closed_arg);
        loop_timer_fini(&s->turn);
        mem_free(s);
    } else if (!s->was_told) {
        s->was_told = true;
        s->config.on_state(true, "requests to /pubsub/push", s->config.arg);
    }
}

void push_subscriber_take(struct push_subscriber *s, struct ingest_push *push)
{
    size_t len = push->message.data.len;

    if (s->is_paused || s->is_closing || s->n >= s->config.max_messages ||
        s->bytes + len > s->config.max_bytes) {
        answer_later(s, push, false);
        return;
    }
    push->prev = NULL;
    push->next = s->held;
    if (s->held)
        s->held->prev = push;
    s->held = push;
    s->n++;
    s->bytes += len;
    s->config.on_message(&push->message, s->config.arg);
    if (s->config.on_batch)
        s->config.on_batch(s->config.arg);
}

/* --- the pipeline's side --- */

static void pause_it(void *self)
{
    ((struct push_subscriber *)self)->is_paused = true;
}

static void resume_it(void *self)
{
    ((struct push_subscriber *)self)->is_paused = false;
}

static void ack(void *self, struct message *message)
{
    let_go(self, push_of(message), true);
}

static void give_back(void *self, struct message *message)
{
    let_go(self, push_of(message), false);
}

static void close_it(void *self, int64_t grace_us, void (*done)(void *arg),
                     void *arg)
{
    struct push_subscriber *s = self;

    (void)grace_us; /* nothing is to be flushed */
    s->is_closing = true;
    s->closed = done;
    s->closed_arg = arg;
    while (s->held)
        let_go(s, s->held, false);
    loop_timer_arm(&s->turn, 0);
}

static const struct subscriber_ops ops = {
    .pause = pause_it,
    .resume = resume_it,
    .ack = ack,
    .give_back = give_back,
    .close = close_it,
};

struct subscriber *push_subscriber_new(struct loop *loop,
                                       const struct subscriber_config *config,
                                       struct push_subscriber **out)
{
    struct push_subscriber *s = MEM_NEW(struct push_subscriber);

    s->loop = loop;
    s->config = *config;
    loop_timer_init(&s->turn, loop, on_turn);
    loop_timer_arm(&s->turn, 0);
    *out = s;
    return subscriber_new(&ops, s);
}
