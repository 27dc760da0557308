/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis' asynchronous context on libevent's base. Its own adapter would do,
 * but differs between versions and frees inside callbacks; this one keeps two
 * persistent events that are only switched on and off, which costs no system
 * call with the loop's change list. Threads: the loop's. */
#ifndef CACHE_REDIS_EVENTS_H
#define CACHE_REDIS_EVENTS_H

struct event;
struct event_base;
struct redisAsyncContext;

struct redis_events {
    struct redisAsyncContext *ac;
    struct event *read, *write;
};

/* `e` lives until hiredis frees the context. */
void redis_events_attach(struct redis_events *e, struct event_base *base,
                         struct redisAsyncContext *ac);

#endif
