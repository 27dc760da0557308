/* SPDX-License-Identifier: Apache-2.0 */
/* One event loop: libevent's base, a mailbox that other threads post to, and
 * one-shot timers that can be re-armed.
 *
 * Threads: a loop belongs to the thread that runs it. Only loop_post and
 * loop_stop may be called from elsewhere. Callbacks run on the loop, never
 * before the call that asked for them has returned. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

struct loop *loop_new(void);
/* The loop must not be running. Tasks still in the mailbox are run first. */
void loop_free(struct loop *loop);

/* Runs until loop_stop; returns after the current callback. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread */

/* For those who add events of their own (sockets). */
struct event_base *loop_base(struct loop *loop);

/* Monotonic microseconds. */
int64_t loop_now_us(struct loop *loop);

/* A task for another thread's loop. The caller embeds it in its own structure
 * and keeps it alive until `run` was called; a task may be posted again only
 * after that. Order of posts from one thread is kept. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; /* the mailbox's */
};
void loop_post(struct loop *loop, struct loop_task *task); /* any thread */

/* A timer, embedded by its owner. Arm it with a delay; arming again replaces;
 * `fire` runs once. Initialise before any other call; fini (or cancel) before
 * the memory goes. */
struct loop_timer {
    struct loop *loop;
    void (*fire)(struct loop_timer *timer);
    void *event;
};
void loop_timer_init(struct loop_timer *t, struct loop *loop,
                     void (*fire)(struct loop_timer *timer));
void loop_timer_arm(struct loop_timer *t, int64_t delay_us);
bool loop_timer_is_armed(const struct loop_timer *t);
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_fini(struct loop_timer *t);

/* Calls `on_signal` on this loop at each SIGTERM, SIGINT and (unless it is
 * ignored, as under nohup) SIGHUP, until loop_free. One loop a process. */
void loop_on_terminate(struct loop *loop,
                       void (*on_signal)(int signo, void *arg), void *arg);

/* The structure that a member is embedded in. */
#define LOOP_OWNER(ptr, type, member)                                          \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
