/* SPDX-License-Identifier: Apache-2.0 */
/* States: DOWN (a timer runs to the next attempt), RESOLVING, GREETING
 * (connected or about to; AUTH, SELECT, PING or SUBSCRIBE are under way), UP.
 *
 * Two rules keep hiredis' own freeing safe: a context is dropped only from
 * our timers, never inside one of its callbacks (`want_drop` asks for it),
 * and a command that timed out leaves its `struct call` behind as the place
 * where the late answer is thrown away. */
#include "cache/redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdio.h>

#include "cache/breaker.h"
#include "cache/redis_events.h"
#include "cache/redis_tls.h"
#include "cache/resolve.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"

enum {
    CONNECT_US = 500000,
    COMMAND_US = 8000,
    /* Answers that are this late mean a connection that is dead. */
    STALL_US = 250000
};

enum state {
    DOWN,
    RESOLVING,
    GREETING,
    UP
};

struct call {
    struct call *prev, *next; /* sent and not answered, oldest first */
    struct redis *redis;
    struct redis_command *command; /* NULL: timed out, or a greeting's */
    int64_t sent_us, deadline_us;
    bool is_greeting;
};

struct redis {
    struct loop *loop;
    struct redis_config config;
    enum state state;
    struct breaker breaker;
    struct rand rand;
    redisAsyncContext *ac;
    struct redis_events events;
    struct resolve *resolve;
    struct call *first, *last;
    struct redis_command *refused, **refused_last;
    struct loop_timer attempt; /* DOWN: the next; else: the greeting's end */
    struct loop_timer deadline;
    int64_t deadline_us;    /* when that fires, while it is armed */
    struct loop_timer soon; /* what must not be done in a callback */
    unsigned n_greetings;   /* not answered yet */
    unsigned n_subscribed;
    bool want_drop, closing, said_down;
    char why[160];
};

/* --- ends ------------------------------------------------------------------
 */

static void set_state(struct redis *r, enum state state)
{
    bool was_up = r->state == UP;

    r->state = state;
    if (was_up != (state == UP) && r->config.on_state && !r->closing)
        r->config.on_state(state == UP, r->config.arg);
}

static void go_down(struct redis *r)
{
    int64_t delay;

    r->ac = NULL;
    r->want_drop = false;
    if (r->closing)
        return;
    delay =
        breaker_fail(&r->breaker, loop_now_us(r->loop), rand_unit(&r->rand));
    if (!r->said_down) {
        r->said_down = true;
        LOG_W("redis (%s): %s; going on without it, trying again",
              r->config.what, r->why[0] ? r->why : "the connection broke");
    }
    loop_timer_arm(&r->attempt, delay);
    set_state(r, DOWN);
}

/* Frees the context, which answers all calls with NULL. From timers only. */
static void drop(struct redis *r)
{
    redisAsyncContext *ac = r->ac;

    r->ac = NULL;
    if (ac) {
        ac->data = NULL; /* its callbacks about connections mean nothing now */
        redisAsyncFree(ac);
    }
}

static void ask_drop(struct redis *r, const char *why)
{
    if (r->want_drop || !r->ac)
        return;
    snprintf(r->why, sizeof(r->why), "%.150s", why);
    r->want_drop = true;
    loop_timer_arm(&r->soon, 0);
}

static void on_connected(const redisAsyncContext *ac, int status)
{
    struct redis *r = ac->data;

    if (!r || status == REDIS_OK)
        return;
    snprintf(r->why, sizeof(r->why), "cannot connect: %.100s", ac->errstr);
    go_down(r); /* hiredis frees the context */
}

static void on_disconnected(const redisAsyncContext *ac, int status)
{
    struct redis *r = ac->data;

    if (!r || r->ac != ac)
        return;
    snprintf(r->why, sizeof(r->why), "connection lost: %.100s",
             status == REDIS_OK || !ac->errstr ? "closed" : ac->errstr);
    go_down(r);
}

/* --- replies ----------------------------------------------------------------
 */

static struct redis_value value_of(const redisReply *reply)
{
    struct redis_value v = {REDIS_NIL, STR_NULL, 0, 0, NULL};

    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        v.type = reply->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
        v.text = str_of(reply->str, (size_t)reply->len);
        break;
    case REDIS_REPLY_INTEGER:
        v.type = REDIS_NUMBER;
        v.number = reply->integer;
        break;
    case REDIS_REPLY_ARRAY:
        v.type = REDIS_LIST;
        v.n_items = reply->elements;
        v.items = reply->element;
        break;
    default:
        break;
    }
    return v;
}

struct redis_value redis_item(const struct redis_value *list, size_t i)
{
    redisReply *const *items = list->items;

    if (list->type != REDIS_LIST || i >= list->n_items)
        return (struct redis_value){REDIS_NIL, STR_NULL, 0, 0, NULL};
    return value_of(items[i]);
}

static void unlink_call(struct call *call)
{
    struct redis *r = call->redis;

    if (call->prev)
        call->prev->next = call->next;
    else
        r->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        r->last = call->prev;
}

static void finish(struct redis_command *command, int rc)
{
    command->rc = rc;
    command->done(command);
}

static void came_up(struct redis *r)
{
    loop_timer_cancel(&r->attempt);
    breaker_succeed(&r->breaker);
    if (r->said_down)
        LOG_I("redis (%s): connected again", r->config.what);
    r->said_down = false;
    r->why[0] = '\0';
    set_state(r, UP);
}

static void on_greeting(struct redis *r, const redisReply *reply)
{
    char why[160];

    if (reply->type == REDIS_REPLY_ERROR) {
        snprintf(why, sizeof(why), "Redis refused us: %.120s", reply->str);
        ask_drop(r, why);
        return;
    }
    if (r->n_greetings && --r->n_greetings == 0 && r->config.n_channels == 0 &&
        !r->want_drop)
        came_up(r);
}

static void on_reply(redisAsyncContext *ac, void *data, void *arg)
{
    const redisReply *reply = data;
    struct call *call = arg;
    struct redis *r = call->redis;
    struct redis_command *command = call->command;

    (void)ac;
    unlink_call(call);
    if (call->is_greeting && reply && !r->closing)
        on_greeting(r, reply);
    mem_free(call);
    if (!command)
        return;
    if (reply)
        command->reply = value_of(reply);
    finish(command, reply ? RC_OK : r->closing ? RC_CANCELLED : RC_UNAVAILABLE);
}

static void on_pushed(redisAsyncContext *ac, void *data, void *arg)
{
    const redisReply *reply = data;
    struct redis *r = arg;
    struct redis_value list, kind, channel, payload;

    (void)ac;
    if (!reply || r->closing)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        on_greeting(r, reply);
        return;
    }
    list = value_of(reply);
    kind = redis_item(&list, 0);
    channel = redis_item(&list, 1);
    payload = redis_item(&list, 2);
    if (str_eq(kind.text, STR("subscribe"))) {
        if (++r->n_subscribed == r->config.n_channels && !r->want_drop)
            came_up(r);
    } else if (str_eq(kind.text, STR("message")) && r->state == UP) {
        r->config.on_message(channel.text, payload.text, r->config.arg);
    }
}

/* --- sending -----------------------------------------------------------------
 */

static int send_words(struct redis *r, redisCallbackFn *fn, void *arg,
                      const struct str *words, size_t n)
{
    const char *argv[REDIS_WORDS_MAX];
    size_t lens[REDIS_WORDS_MAX];

    if (n > REDIS_WORDS_MAX)
        return RC_INVALID;
    for (size_t i = 0; i < n; i++) {
        argv[i] = words[i].p ? words[i].p : "";
        lens[i] = words[i].len;
    }
    return redisAsyncCommandArgv(r->ac, fn, arg, (int)n, argv, lens) == REDIS_OK
               ? RC_OK
               : RC_UNAVAILABLE;
}

static struct call *add_call(struct redis *r, int64_t timeout_us)
{
    struct call *call = MEM_NEW(struct call);

    call->redis = r;
    call->sent_us = loop_now_us(r->loop);
    call->deadline_us = call->sent_us + timeout_us;
    call->prev = r->last;
    if (r->last)
        r->last->next = call;
    else
        r->first = call;
    r->last = call;
    return call;
}

static void greet(struct redis *r, const struct str *words, size_t n)
{
    struct call *call = add_call(r, CONNECT_US);

    call->is_greeting = true;
    r->n_greetings++;
    if (send_words(r, on_reply, call, words, n)) {
        unlink_call(call);
        mem_free(call);
        ask_drop(r, "the greeting could not be sent");
    }
}

static void refuse(struct redis *r, struct redis_command *command)
{
    command->next = NULL;
    *r->refused_last = command;
    r->refused_last = &command->next;
    loop_timer_arm(&r->soon, 0);
}

static void arm_deadline(struct redis *r, int64_t due_us, int64_t now_us)
{
    r->deadline_us = due_us > now_us ? due_us : now_us + 1000;
    loop_timer_arm(&r->deadline, r->deadline_us - now_us);
}

void redis_send(struct redis *r, struct redis_command *command,
                const struct str *words, size_t n_words)
{
    int64_t timeout_us =
        command->timeout_us ? command->timeout_us : r->config.command_us;
    struct call *call;

    command->redis = r;
    command->reply = (struct redis_value){REDIS_NIL, STR_NULL, 0, 0, NULL};
    if (r->state != UP || r->want_drop || r->config.n_channels) {
        refuse(r, command);
        return;
    }
    call = add_call(r, timeout_us);
    call->command = command;
    if (send_words(r, on_reply, call, words, n_words)) {
        unlink_call(call);
        mem_free(call);
        refuse(r, command);
        return;
    }
    /* Never cancelled: one idle wake-up is cheaper than arming for each. */
    if (!loop_timer_is_armed(&r->deadline) ||
        call->deadline_us < r->deadline_us)
        arm_deadline(r, call->deadline_us, call->sent_us);
}

static void answer_refused(struct redis *r, int rc)
{
    struct redis_command *command = r->refused;

    r->refused = NULL;
    r->refused_last = &r->refused;
    while (command) {
        struct redis_command *next = command->next;
        finish(command, rc);
        command = next;
    }
}

static void on_soon(struct loop_timer *t)
{
    struct redis *r = LOOP_OWNER(t, struct redis, soon);

    if (r->want_drop) {
        drop(r);
        go_down(r);
    }
    answer_refused(r, RC_UNAVAILABLE);
}

/* The first call that is due and has not been told so. */
static struct call *expired(struct redis *r, int64_t now_us)
{
    struct call *call = r->first;

    while (call && (!call->command || call->deadline_us > now_us))
        call = call->next;
    return call;
}

static void on_deadline(struct loop_timer *t)
{
    struct redis *r = LOOP_OWNER(t, struct redis, deadline);
    int64_t now_us = loop_now_us(r->loop), nearest_us = 0;
    struct call *call;

    /* from the start again each time: `done` may send and change the list */
    while ((call = expired(r, now_us)) != NULL) {
        struct redis_command *command = call->command;
        call->command = NULL;
        finish(command, RC_TIMEOUT);
    }
    if (r->state == UP && r->first && now_us - r->first->sent_us > STALL_US)
        ask_drop(r, "it does not answer");
    for (call = r->first; call; call = call->next) {
        int64_t due_us =
            call->command ? call->deadline_us : call->sent_us + STALL_US;
        if (!nearest_us || due_us < nearest_us)
            nearest_us = due_us;
    }
    if (nearest_us)
        arm_deadline(r, nearest_us, now_us);
}

/* --- connecting --- */

static void greet_all(struct redis *r)
{
    const struct redis_url *url = r->config.url;
    struct str words[REDIS_WORDS_MAX];
    char db[16];

    if (url->pass) {
        size_t n = 0;
        words[n++] = STR("AUTH");
        if (url->user)
            words[n++] = str_from(url->user);
        words[n++] = str_from(url->pass);
        greet(r, words, n);
    }
    if (url->db) {
        snprintf(db, sizeof(db), "%u", url->db);
        words[0] = STR("SELECT");
        words[1] = str_from(db);
        greet(r, words, 2);
    }
    words[0] = STR("PING");
    greet(r, words, 1);
    if (!r->config.n_channels)
        return;
    words[0] = STR("SUBSCRIBE");
    for (unsigned i = 0; i < r->config.n_channels; i++)
        words[1 + i] = r->config.channels[i];
    if (send_words(r, on_pushed, r, words, 1 + r->config.n_channels))
        ask_drop(r, "the subscription could not be sent");
}

static void connect_to(struct redis *r, const char *address)
{
    const struct redis_url *url = r->config.url;
    redisAsyncContext *ac;
    struct err err;

    ac = url->kind == REDIS_UNIX ? redisAsyncConnectUnix(url->host)
                                 : redisAsyncConnect(address, (int)url->port);
    if (!ac || ac->err) {
        snprintf(r->why, sizeof(r->why), "cannot connect: %.100s",
                 ac && ac->errstr ? ac->errstr : "out of memory");
        if (ac)
            redisAsyncFree(ac);
        go_down(r);
        return;
    }
    r->ac = ac;
    r->n_greetings = r->n_subscribed = 0;
    ac->data = r;
    redis_events_attach(&r->events, loop_base(r->loop), ac);
    redisAsyncSetConnectCallback(ac, on_connected);
    redisAsyncSetDisconnectCallback(ac, on_disconnected);
    set_state(r, GREETING);
    loop_timer_arm(&r->attempt, r->config.connect_us);
    if (url->kind == REDIS_TLS &&
        redis_tls_start(ac, url->host, r->config.ca_file, &err)) {
        ask_drop(r, err.text);
        return;
    }
    greet_all(r);
}

static void on_resolved(const char *address, void *arg)
{
    struct redis *r = arg;

    r->resolve = NULL;
    if (address) {
        connect_to(r, address);
        return;
    }
    snprintf(r->why, sizeof(r->why), "the host %.100s has no address",
             r->config.url->host);
    go_down(r);
}

static void start(struct redis *r)
{
    const struct redis_url *url = r->config.url;

    r->breaker.state = BREAKER_HALF_OPEN;
    if (url->kind == REDIS_UNIX || resolve_is_address(url->host)) {
        connect_to(r, url->host);
        return;
    }
    set_state(r, RESOLVING);
    r->resolve = resolve_start(r->loop, url->host, on_resolved, r);
}

static void on_attempt(struct loop_timer *t)
{
    struct redis *r = LOOP_OWNER(t, struct redis, attempt);

    if (r->state == DOWN) {
        start(r);
    } else if (r->state == GREETING) {
        snprintf(r->why, sizeof(r->why), "it does not answer a PING");
        drop(r);
        go_down(r);
    }
}

/* --- life --- */

struct redis *redis_new(struct loop *loop, const struct redis_config *config)
{
    struct redis *r = MEM_NEW(struct redis);
    uint64_t seed;

    r->loop = loop;
    r->config = *config;
    if (!r->config.connect_us)
        r->config.connect_us = CONNECT_US;
    if (!r->config.command_us)
        r->config.command_us = COMMAND_US;
    r->refused_last = &r->refused;
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&r->rand, seed);
    loop_timer_init(&r->attempt, loop, on_attempt);
    loop_timer_init(&r->deadline, loop, on_deadline);
    loop_timer_init(&r->soon, loop, on_soon);
    r->state = DOWN;
    loop_timer_arm(&r->attempt, 0);
    return r;
}

void redis_free(struct redis *r)
{
    if (!r)
        return;
    r->closing = true;
    if (r->resolve)
        resolve_cancel(r->resolve);
    drop(r);
    answer_refused(r, RC_CANCELLED);
    loop_timer_fini(&r->attempt);
    loop_timer_fini(&r->deadline);
    loop_timer_fini(&r->soon);
    mem_free(r);
}

bool redis_is_up(const struct redis *r)
{
    return r->state == UP && !r->want_drop;
}

void redis_reset(struct redis *r, const char *why)
{
    ask_drop(r, why);
}
