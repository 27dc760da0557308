/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stddef.h>

#include "common/mem.h"

struct resolve {
    struct loop_task task;
    struct loop *loop;
    char *host;
    void (*done)(const char *address, void *arg);
    void *arg;
    char address[64]; /* empty: not found */
    pthread_mutex_t lock;
    bool cancelled; /* guarded by lock; the thread then frees all */
};

static void destroy(struct resolve *r)
{
    pthread_mutex_destroy(&r->lock);
    mem_free(r->host);
    mem_free(r);
}

static void deliver(struct loop_task *task)
{
    struct resolve *r = LOOP_OWNER(task, struct resolve, task);
    bool cancelled;

    /* the thread may still be about to unlock */
    pthread_mutex_lock(&r->lock);
    cancelled = r->cancelled;
    pthread_mutex_unlock(&r->lock);
    if (!cancelled)
        r->done(r->address[0] ? r->address : NULL, r->arg);
    destroy(r);
}

static void look_up(struct resolve *r)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;

    if (getaddrinfo(r->host, NULL, &hints, &found) || !found)
        return;
    if (getnameinfo(found->ai_addr, found->ai_addrlen, r->address,
                    sizeof(r->address), NULL, 0, NI_NUMERICHOST))
        r->address[0] = '\0';
    freeaddrinfo(found);
}

static void *run(void *arg)
{
    struct resolve *r = arg;
    bool cancelled;

    look_up(r);
    pthread_mutex_lock(&r->lock);
    cancelled = r->cancelled;
    /* Posted under the lock: a loop may be freed only after resolve_cancel,
     * which waits for it. */
    if (!cancelled)
        loop_post(r->loop, &r->task);
    pthread_mutex_unlock(&r->lock);
    if (cancelled)
        destroy(r);
    return NULL;
}

struct resolve *resolve_start(struct loop *loop, const char *host,
                              void (*done)(const char *address, void *arg),
                              void *arg)
{
    struct resolve *r = MEM_NEW(struct resolve);
    pthread_t thread;

    r->loop = loop;
    r->host = mem_strdup(host);
    r->done = done;
    r->arg = arg;
    r->task.run = deliver;
    pthread_mutex_init(&r->lock, NULL);
    if (pthread_create(&thread, NULL, run, r))
        loop_post(loop, &r->task);
    else
        pthread_detach(thread);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    pthread_mutex_lock(&r->lock);
    r->cancelled = true;
    pthread_mutex_unlock(&r->lock);
}

bool resolve_is_address(const char *host)
{
    struct in6_addr six;
    struct in_addr four;

    return inet_pton(AF_INET, host, &four) == 1 ||
           inet_pton(AF_INET6, host, &six) == 1;
}
