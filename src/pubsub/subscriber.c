/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards to the implementation. */
#include "pubsub/subscriber.h"

#include "common/mem.h"

struct subscriber {
    const struct subscriber_ops *ops;
    void *self;
};

struct subscriber *subscriber_new(const struct subscriber_ops *ops, void *self)
{
    struct subscriber *s = MEM_NEW(struct subscriber);

    s->ops = ops;
    s->self = self;
    return s;
}

void subscriber_pause(struct subscriber *s)
{
    s->ops->pause(s->self);
}

void subscriber_resume(struct subscriber *s)
{
    s->ops->resume(s->self);
}

void subscriber_ack(struct subscriber *s, struct message *message)
{
    s->ops->ack(s->self, message);
}

void subscriber_return(struct subscriber *s, struct message *message)
{
    s->ops->give_back(s->self, message);
}

void subscriber_close(struct subscriber *s, int64_t grace_us,
                      void (*done)(void *arg), void *arg)
{
    s->ops->close(s->self, grace_us, done, arg);
    mem_free(s);
}
