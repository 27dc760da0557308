/* SPDX-License-Identifier: Apache-2.0 */
#include "common/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

enum {
    N_SIGNALS = 3
};

struct loop {
    struct event_base *base;
    struct event *mail_event;
    struct event *signals[N_SIGNALS];
    void (*on_signal)(int signo, void *arg);
    void *signal_arg;
    int mail_fd;
    atomic_bool stopping;
    pthread_mutex_t lock; /* guards the list below */
    struct loop_task *first, **last;
};

static void run_mail(struct loop *loop)
{
    struct loop_task *task;

    pthread_mutex_lock(&loop->lock);
    task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    while (task) {
        /* `run` may free the task or post it again */
        struct loop_task *next = task->next;
        task->run(task);
        task = next;
    }
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t n;
    ssize_t got = read(fd, &n, sizeof(n));

    (void)got;
    (void)what;
    run_mail(loop);
    if (atomic_load(&loop->stopping))
        event_base_loopbreak(loop->base);
}

struct loop *loop_new(void)
{
    struct loop *loop = MEM_NEW(struct loop);
    struct event_config *config = event_config_new();

    /* Our descriptors are never dup()ed, so epoll changes may be batched. */
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    pthread_mutex_init(&loop->lock, NULL);
    loop->last = &loop->first;
    loop->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->mail_event = event_new(loop->base, loop->mail_fd,
                                 EV_READ | EV_PERSIST, on_mail, loop);
    event_add(loop->mail_event, NULL);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    run_mail(loop);
    for (int i = 0; i < N_SIGNALS; i++) {
        if (loop->signals[i])
            event_free(loop->signals[i]);
    }
    event_free(loop->mail_event);
    event_base_free(loop->base);
    close(loop->mail_fd);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    if (!atomic_load(&loop->stopping))
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    atomic_store(&loop->stopping, false);
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->mail_fd, &one, sizeof(one));
    (void)n; /* EAGAIN: the counter is full, so the loop is awake anyway */
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

int64_t loop_now_us(struct loop *loop)
{
    (void)loop;
    return clock_mono_us();
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    bool was_empty;

    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    was_empty = loop->first == NULL;
    *loop->last = task;
    loop->last = &task->next;
    pthread_mutex_unlock(&loop->lock);
    if (was_empty)
        wake(loop);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = arg;

    (void)fd;
    (void)what;
    t->fire(t);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop,
                     void (*fire)(struct loop_timer *timer))
{
    t->loop = loop;
    t->fire = fire;
    t->event = event_new(loop->base, -1, 0, on_timer, t);
}

void loop_timer_arm(struct loop_timer *t, int64_t delay_us)
{
    struct timeval tv;

    if (delay_us < 0)
        delay_us = 0;
    tv.tv_sec = (time_t)(delay_us / US_PER_S);
    tv.tv_usec = (suseconds_t)(delay_us % US_PER_S);
    event_add(t->event, &tv);
}

bool loop_timer_is_armed(const struct loop_timer *t)
{
    return t->event && event_pending(t->event, EV_TIMEOUT, NULL);
}

void loop_timer_cancel(struct loop_timer *t)
{
    if (t->event)
        event_del(t->event);
}

void loop_timer_fini(struct loop_timer *t)
{
    if (t->event)
        event_free(t->event);
    t->event = NULL;
}

static void on_signal_event(evutil_socket_t signo, short what, void *arg)
{
    struct loop *loop = arg;

    (void)what;
    loop->on_signal((int)signo, loop->signal_arg);
}

void loop_on_terminate(struct loop *loop,
                       void (*on_signal)(int signo, void *arg), void *arg)
{
    static const int signos[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    loop->on_signal = on_signal;
    loop->signal_arg = arg;
    for (int i = 0; i < N_SIGNALS; i++) {
        struct sigaction now;

        /* nohup means it */
        if (signos[i] == SIGHUP && sigaction(SIGHUP, NULL, &now) == 0 &&
            now.sa_handler == SIG_IGN)
            continue;
        loop->signals[i] =
            evsignal_new(loop->base, signos[i], on_signal_event, loop);
        event_add(loop->signals[i], NULL);
    }
}
