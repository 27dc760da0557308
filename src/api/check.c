/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <stddef.h>
#include <stdio.h>

#include "api/app.h"
#include "cache/channel.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
    RETRY_FIRST_US = 100000,
    RETRY_MAX_US = 2000000,
    HANG_US = 500000,
    NOTICE_MAX = 4 * 1024 * 1024
};

#define SCRIPT_ELECT                                                           \
    "local v=redis.call('GET',KEYS[1]) "                                       \
    "if v and v~=ARGV[1] then return 0 end "                                   \
    "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2]) return 1"

struct check {
    struct api *api;
    struct loop *loop;
    int64_t ttl_us, stale_us, every_us;
    /* what readers ask for; guarded by the lock */
    pthread_mutex_t lock;
    bool loaded, live, store_down;
    bool hangs;   /* somebody waited in vain; until a comparison ends */
    bool adopted; /* there is a copy of the head, for when the store is down */
    unsigned missed;        /* counts; guarded too */
    struct generation told; /* of the notice that said so; guarded too */
    int64_t valid_us;       /* when the head was last known to be true */
    /* main loop */
    bool channel_up, running, again, stopped;
    bool is_periodic; /* the query under way is the elected one's */
    unsigned gaps, gaps_at_begin, missed_at_begin;
    struct generation told_at_begin;
    unsigned failures;
    int64_t began_us;
    struct store_query query;
    struct loop_timer period, retry;
    struct loop_timer hang;   /* a copy is there and the first answer is not */
    struct loop_task request; /* from other threads */
    atomic_bool requested;
    struct redis_command elect;
    bool electing;
    char id[24], key[160];
};

/* --- what readers ask --- */

void check_hangs(struct check *c)
{
    pthread_mutex_lock(&c->lock);
    c->hangs = true;
    pthread_mutex_unlock(&c->lock);
}

int64_t check_trusted_until(struct check *c)
{
    int64_t until;

    pthread_mutex_lock(&c->lock);
    until = !c->loaded ? 0
            : c->live  ? INT64_MAX
                      /* the last fifth refreshes ahead */
                      : c->valid_us + c->ttl_us - c->ttl_us / 5;
    pthread_mutex_unlock(&c->lock);
    return until;
}

static void request(struct check *c)
{
    if (!atomic_exchange(&c->requested, true))
        loop_post(c->loop, &c->request);
}

enum check_verdict check_decide(struct check *c, int64_t now_us, bool may_wait,
                                int64_t *over_us)
{
    enum check_verdict verdict;
    int64_t over;
    bool due = true;

    pthread_mutex_lock(&c->lock);
    over = now_us - (c->valid_us + c->ttl_us);
    if (!c->loaded) {
        verdict = may_wait && !c->store_down ? CHECK_WAIT : CHECK_NOTHING;
    } else if (c->live) {
        verdict = CHECK_FRESH;
        due = false;
    } else if (over < 0) {
        verdict = CHECK_FRESH;
        due = over > -c->ttl_us / 5;
    } else if (over > c->stale_us) {
        verdict = may_wait && !c->store_down ? CHECK_WAIT : CHECK_NOTHING;
    } else if (over < c->ttl_us || c->store_down || c->hangs || !may_wait) {
        verdict = CHECK_STALE;
    } else {
        verdict = CHECK_WAIT_BRIEFLY;
    }
    /* while the store is down its own retries ask, not each request */
    due = due && !c->store_down;
    pthread_mutex_unlock(&c->lock);
    if (due)
        request(c);
    *over_us = over;
    return verdict;
}

bool check_is_ready(struct check *c, int64_t now_us, const char **why)
{
    bool ok;

    pthread_mutex_lock(&c->lock);
    ok = c->loaded &&
         (c->live || now_us <= c->valid_us + c->ttl_us + c->stale_us ||
          !c->store_down);
    *why = c->loaded ? "the store is down and the cached head too old"
                     : "the store was not read yet";
    pthread_mutex_unlock(&c->lock);
    return ok;
}

/* --- telling other processes --- */

struct telling {
    struct channel_publish publish;
    struct buf notice;
};

static void on_told(struct channel_publish *publish)
{
    struct telling *t = LOOP_OWNER(publish, struct telling, publish);

    buf_fini(&t->notice);
    mem_free(t);
}

/* Rows that others wrote; or, if some went away, "compare yourselves". */
static void tell(struct check *c, const struct row_list *added, bool gone)
{
    struct channel *channel = c->api->loops[0].channel;
    struct telling *t;

    if (!channel || !channel_is_up(channel) || (!added->n && !gone))
        return;
    t = MEM_NEW(struct telling);
    buf_init(&t->notice, NOTICE_MAX);
    if (gone)
        buf_puts(&t->notice, "datos1 0 part\n");
    else
        notice_encode(&t->notice, added->rows, added->n, 0);
    t->publish.done = on_told;
    t->publish.payload = buf_as_str(&t->notice);
    channel_publish(channel, &t->publish);
}

/* --- the comparison --- */

static unsigned missed_now(struct check *c)
{
    unsigned n;

    pthread_mutex_lock(&c->lock);
    n = c->missed;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static void begin(struct check *c, bool is_periodic);

/* The store cannot be asked: what lay in Redis is better than nothing. */
static void use_copy(struct check *c)
{
    bool is_first;

    pthread_mutex_lock(&c->lock);
    is_first = c->adopted && !c->loaded;
    c->loaded = c->loaded || c->adopted;
    pthread_mutex_unlock(&c->lock);
    if (!is_first)
        return;
    head_show_adopted(c->api->head);
    LOG_W("api: serving the head that another process left in Redis");
    api_tell_ready(c->api);
}

static void failed(struct check *c)
{
    int64_t delay_us = RETRY_FIRST_US;

    head_check_fail(c->api->head);
    if (c->failures == 0)
        LOG_W("api: the store does not answer (%s); serving what is cached",
              c->query.err.text[0] ? c->query.err.text : rc_text(c->query.rc));
    for (unsigned i = 0; i < c->failures && delay_us < RETRY_MAX_US; i++)
        delay_us *= 2;
    c->failures++;
    pthread_mutex_lock(&c->lock);
    c->store_down = true;
    c->hangs = false;
    pthread_mutex_unlock(&c->lock);
    use_copy(c);
    loop_timer_arm(&c->retry, delay_us);
    head_touch(c->api->head);
    api_wake_all(c->api);
}

static void succeeded(struct check *c)
{
    struct row_list added = {NULL, 0, 0, false};
    struct row_list *rows = &c->query.rows;
    size_t removed = 0;
    bool live;

    head_check_end(c->api->head, rows->rows, rows->n,
                   rows->n < HEAD_ROWS && !c->query.cut, &added, &removed);
    if (c->failures)
        LOG_I("api: the store answers again");
    c->failures = 0;
    pthread_mutex_lock(&c->lock);
    c->loaded = true;
    c->adopted = false;
    c->store_down = false;
    c->hangs = false;
    c->valid_us = c->began_us;
    live = c->channel_up && c->gaps == c->gaps_at_begin &&
           c->missed == c->missed_at_begin;
    c->live = live;
    pthread_mutex_unlock(&c->lock);
    api_apply_rows(c->api, added.rows, added.n);
    /* who told of it has announced a generation after which all know it */
    if (removed)
        commits_forget(c->api->commits, c->told_at_begin);
    head_touch(c->api->head);
    api_wake_all(c->api);
    api_tell_ready(c->api);
    /* rows that no writer announced get their generation by this. That some
     * went away is told by one, or all would tell all. */
    if (live)
        tell(c, &added, c->is_periodic && removed > 0);
    row_list_fini(&added);
    if (!live && (c->channel_up || c->missed_at_begin != missed_now(c)))
        c->again = true;
}

static void on_query(struct store_query *query)
{
    struct check *c = LOOP_OWNER(query, struct check, query);
    bool ok = query->rc == RC_OK;

    atomic_fetch_sub(&c->api->pending, 1);
    c->running = false;
    if (c->stopped) {
        row_list_fini(&query->rows);
        return;
    }
    if (ok)
        succeeded(c);
    else
        failed(c);
    row_list_fini(&query->rows);
    if (c->again && ok) {
        c->again = false;
        begin(c, false);
    }
}

static void begin(struct check *c, bool is_periodic)
{
    if (c->stopped)
        return;
    if (c->running) {
        c->again = c->again || !is_periodic;
        return;
    }
    c->running = true;
    c->again = false;
    c->is_periodic = is_periodic;
    c->gaps_at_begin = c->gaps;
    pthread_mutex_lock(&c->lock);
    c->missed_at_begin = c->missed;
    c->told_at_begin = c->told;
    c->told = (struct generation){0};
    pthread_mutex_unlock(&c->lock);
    c->began_us = loop_now_us(c->loop);
    head_check_begin(c->api->head, c->began_us);
    c->query = (struct store_query){
        .loop = c->loop, .done = on_query, .limit = HEAD_ROWS};
    atomic_fetch_add(&c->api->pending, 1);
    store_query(c->api->store, &c->query);
}

static void on_request_task(struct loop_task *task)
{
    struct check *c = LOOP_OWNER(task, struct check, request);

    atomic_store(&c->requested, false);
    /* one that runs already answers the question */
    if (!c->running)
        begin(c, false);
}

static void on_retry(struct loop_timer *t)
{
    begin(LOOP_OWNER(t, struct check, retry), false);
}

/* --- the elected one --- */

static void on_elected(struct redis_command *command)
{
    struct check *c = LOOP_OWNER(command, struct check, elect);

    c->electing = false;
    if (c->stopped)
        return;
    /* Redis away or full: every process for itself */
    if (command->rc != RC_OK || command->reply.type != REDIS_NUMBER ||
        command->reply.number == 1)
        begin(c, true);
}

static void on_period(struct loop_timer *t)
{
    struct check *c = LOOP_OWNER(t, struct check, period);
    struct redis *redis = c->api->loops[0].redis;
    struct str words[6] = {STR("EVAL"), STR(SCRIPT_ELECT), STR("1"),
                           str_from(c->key), str_from(c->id)};
    char ms[24];

    loop_timer_arm(t, c->every_us);
    if (!redis || !redis_is_up(redis)) {
        begin(c, true);
        return;
    }
    if (c->electing)
        return;
    c->electing = true;
    snprintf(ms, sizeof(ms), "%lld", c->every_us / US_PER_MS * 5 / 2 + 500);
    words[5] = str_from(ms);
    c->elect = (struct redis_command){.done = on_elected};
    redis_send(redis, &c->elect, words, 6);
}

/* --- the channel's word --- */

static void end_trust(struct check *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->live)
        c->valid_us = loop_now_us(c->loop);
    c->live = false;
    pthread_mutex_unlock(&c->lock);
    head_touch(c->api->head);
}

void check_on_missed(struct check *c, struct generation gen)
{
    pthread_mutex_lock(&c->lock);
    if (c->live)
        c->valid_us = clock_mono_us();
    c->live = false;
    c->missed++;
    c->told = gen;
    pthread_mutex_unlock(&c->lock);
    commits_forget(c->api->commits, gen);
    head_touch(c->api->head);
    /* one that runs now may have read too early: it sees the count */
    request(c);
}

void check_on_gap(struct check *c)
{
    c->gaps++;
    end_trust(c);
    commits_forget(c->api->commits,
                   channel_generation(c->api->loops[0].channel));
    begin(c, false);
}

void check_on_state(struct check *c, bool up)
{
    c->channel_up = up;
    if (up)
        LOG_I("api: invalidations arrive; the head does not expire");
    else
        LOG_W("api: no invalidations arrive; answers live for %lld ms",
              c->ttl_us / US_PER_MS);
    if (!up) {
        commits_lose_generation(c->api->commits);
        end_trust(c);
    }
}

/* --- a copy from before --- */

void check_adopt(struct check *c, const struct row_list *rows, bool complete,
                 int64_t age_us)
{
    bool is_down;

    pthread_mutex_lock(&c->lock);
    if (c->loaded || age_us > c->ttl_us + c->stale_us) {
        pthread_mutex_unlock(&c->lock);
        return;
    }
    c->adopted = true;
    c->valid_us = loop_now_us(c->loop) - age_us;
    is_down = c->store_down;
    pthread_mutex_unlock(&c->lock);
    head_adopt(c->api->head, rows->rows, rows->n, complete);
    if (is_down) {
        use_copy(c);
        head_touch(c->api->head);
        api_wake_all(c->api);
    } else if (!loop_timer_is_armed(&c->hang)) {
        loop_timer_arm(&c->hang, HANG_US);
    }
}

static void on_hang(struct loop_timer *t)
{
    struct check *c = LOOP_OWNER(t, struct check, hang);

    use_copy(c);
    head_touch(c->api->head);
    api_wake_all(c->api);
}

bool check_is_loaded(struct check *c)
{
    bool is;

    pthread_mutex_lock(&c->lock);
    is = c->loaded;
    pthread_mutex_unlock(&c->lock);
    return is;
}

bool check_shows_copy(struct check *c)
{
    bool is;

    pthread_mutex_lock(&c->lock);
    is = c->loaded && c->adopted;
    pthread_mutex_unlock(&c->lock);
    return is;
}

bool check_is_live(struct check *c)
{
    bool is;

    pthread_mutex_lock(&c->lock);
    is = c->live;
    pthread_mutex_unlock(&c->lock);
    return is;
}

/* --- life --- */

struct check *check_new(struct api *api)
{
    struct check *c = MEM_NEW(struct check);
    uint64_t random;

    c->api = api;
    c->loop = api->loops[0].loop;
    c->ttl_us = api->settings->cache_ttl_ms * US_PER_MS;
    c->stale_us = api->settings->cache_stale_ms * US_PER_MS;
    c->every_us = settings_cache_check_ms(api->settings) * US_PER_MS;
    pthread_mutex_init(&c->lock, NULL);
    rand_bytes(&random, sizeof(random));
    snprintf(c->id, sizeof(c->id), "%016llx", (unsigned long long)random);
    snprintf(c->key, sizeof(c->key), "datos:{%.100s}:checker",
             api->settings->system);
    loop_timer_init(&c->period, c->loop, on_period);
    loop_timer_init(&c->retry, c->loop, on_retry);
    loop_timer_init(&c->hang, c->loop, on_hang);
    c->request.run = on_request_task;
    return c;
}

void check_start(struct check *c)
{
    begin(c, false);
    loop_timer_arm(&c->period, c->every_us);
}

void check_stop(struct check *c)
{
    c->stopped = true;
    loop_timer_cancel(&c->period);
    loop_timer_cancel(&c->retry);
    loop_timer_cancel(&c->hang);
}

void check_free(struct check *c)
{
    if (!c)
        return;
    loop_timer_fini(&c->period);
    loop_timer_fini(&c->retry);
    loop_timer_fini(&c->hang);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}
