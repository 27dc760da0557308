/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_events.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    redisAsyncHandleRead(((struct redis_events *)arg)->ac);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    redisAsyncHandleWrite(((struct redis_events *)arg)->ac);
}

static void add_read(void *arg)
{
    event_add(((struct redis_events *)arg)->read, NULL);
}

static void del_read(void *arg)
{
    event_del(((struct redis_events *)arg)->read);
}

static void add_write(void *arg)
{
    event_add(((struct redis_events *)arg)->write, NULL);
}

static void del_write(void *arg)
{
    event_del(((struct redis_events *)arg)->write);
}

/* hiredis is about to close the descriptor. */
static void cleanup(void *arg)
{
    struct redis_events *e = arg;

    if (e->read)
        event_free(e->read);
    if (e->write)
        event_free(e->write);
    *e = (struct redis_events){0};
}

void redis_events_attach(struct redis_events *e, struct event_base *base,
                         struct redisAsyncContext *ac)
{
    e->ac = ac;
    e->read = event_new(base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, e);
    e->write = event_new(base, ac->c.fd, EV_WRITE | EV_PERSIST, on_writable, e);
    ac->ev.data = e;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
}
