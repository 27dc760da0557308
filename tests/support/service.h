/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of clients: an HTTP service of one handler on the test's own
 * loop, and a wait that ends. */
#ifndef SUPPORT_SERVICE_H
#define SUPPORT_SERVICE_H

#include <check.h>
#include <stddef.h>
#include <stdio.h>

#include "common/loop.h"
#include "http/http.h"

struct service {
    struct loop *loop;
    struct http_app app;
    struct http_server *server;
    char base[64]; /* http://127.0.0.1:PORT */
    unsigned short port;
};

static inline void
service_start(struct service *s, struct loop *loop,
              void (*on_request)(struct http_req *req, void *arg), void *arg)
{
    struct http_limits limits;
    struct err err = {0};

    http_limits_default(&limits);
    limits.body_bytes = 64u << 20;
    s->loop = loop;
    s->app = (struct http_app){.on_request = on_request};
    s->server = http_server_new(&s->app, &limits);
    ck_assert_msg(http_server_listen(s->server, loop, "127.0.0.1", s->port, arg,
                                     &err) == RC_OK,
                  "%s", err.text);
    s->port = http_server_port(s->server);
    snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%u",
             (unsigned)s->port);
}

static inline void service_stop(struct service *s)
{
    http_server_free(s->server);
    s->server = NULL;
}

static inline void service_reply(struct http_req *req, int status,
                                 struct str body)
{
    const struct http_field type = {STR("content-type"),
                                    STR("application/json")};

    http_reply(req, status, &type, 1, body);
}

struct patience {
    struct loop_timer timer;
    struct loop *loop;
    bool (*is_over)(void *arg);
    void *arg;
    int64_t by_us;
};

static inline void patience_look(struct loop_timer *timer)
{
    struct patience *p = LOOP_OWNER(timer, struct patience, timer);

    if (p->is_over(p->arg) || loop_now_us(p->loop) > p->by_us)
        loop_stop(p->loop);
    else
        loop_timer_arm(timer, 1000);
}

/* Runs the loop until `is_over`; fails the test after 10 s. */
static inline void run_until(struct loop *loop, bool (*is_over)(void *arg),
                             void *arg)
{
    struct patience p = {.loop = loop,
                         .is_over = is_over,
                         .arg = arg,
                         .by_us = loop_now_us(loop) + 10000000};

    loop_timer_init(&p.timer, loop, patience_look);
    loop_timer_arm(&p.timer, 0);
    loop_run(loop);
    loop_timer_fini(&p.timer);
    ck_assert_msg(is_over(arg), "waited 10 s in vain");
}

static inline bool flag_is_set(void *arg)
{
    return *(bool *)arg;
}

static inline bool never(void *arg)
{
    (void)arg;
    return false;
}

/* Runs the loop for a while: to see that nothing more happens. */
static inline void run_for(struct loop *loop, int64_t us)
{
    struct patience p = {
        .loop = loop, .is_over = never, .by_us = loop_now_us(loop) + us};

    loop_timer_init(&p.timer, loop, patience_look);
    loop_timer_arm(&p.timer, 0);
    loop_run(loop);
    loop_timer_fini(&p.timer);
}

#endif
