/* SPDX-License-Identifier: Apache-2.0 */
/* GET /datos and /datos/{id}.
 *
 * The hot way takes no lock and no memory: the raw target is looked up in the
 * loop's own table of ready answers, which holds while the head's version
 * does. Then, in turn: what was rendered from this view for any loop; the
 * rows of the view; the two-level cache in front of the store.
 *
 * With no process-local level (DATOS_CACHE_LOCAL_MB=0) every read asks Redis,
 * and only what Redis lacks is rendered from the head: still without asking
 * the store. While Redis is away the head serves as ever. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "api/accept.h"
#include "api/app.h"
#include "api/bucket.h"
#include "api/check.h"
#include "api/health.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    HOT = 64, /* a power of two */
    HOT_TARGET = 232,
    PARK_US = 2000000,      /* a store that hangs: 503 */
    PARK_BRIEF_US = 300000, /* likewise, where a stale answer is at hand */
    KEY_MAX = 3 * (2 * ROW_ID_MAX) + 128
};

struct hot_entry {
    uint64_t version;
    struct answer *answer;
    size_t len;
    char target[HOT_TARGET];
};

/* --- sending --- */

static void count(struct exchange *x, enum api_cache_result result)
{
    metric_add(x->l->cached[result], 1);
}

static void send(struct exchange *x, struct answer *a, struct str cache)
{
    struct str known = http_req_known(x->req, HTTP_H_IF_NONE_MATCH);
    struct str accept = http_req_known(x->req, HTTP_H_ACCEPT);
    bool gzip = accept_gzip(http_req_known(x->req, HTTP_H_ACCEPT_ENCODING));

    if (!accept_type(accept, STR("application/json"))) {
        reply_problem(x, 406, "only application/json is here", NULL, 0);
        return;
    }
    reply_prepared(x, answer_form(a, gzip),
                   known.p && answer_is_known(a, known) ? 304 : 0, cache);
}

static void send_stale(struct exchange *x, struct answer *a, int64_t over_us)
{
    char text[64];

    snprintf(text, sizeof(text), "datos; hit; ttl=-%lld; detail=stale",
             over_us / US_PER_S + 1);
    count(x, CACHED_STALE);
    send(x, a, str_from(text));
}

/* --- the head --- */

static void refresh_view(struct api_loop *l)
{
    uint64_t version = head_version(l->api->head);

    if (version == l->seen_version)
        return;
    head_view_unref(l->view);
    l->view = head_view(l->api->head);
    l->fresh_until_us = check_trusted_until(l->api->check);
    l->seen_version = version;
}

static uint64_t hash_of(struct str s)
{
    uint64_t h = s.len;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3ULL;
    return h ^ h >> 32;
}

static struct hot_entry *hot_place(struct api_loop *l, struct str target)
{
    if (!l->hot)
        l->hot = MEM_ARRAY(struct hot_entry, HOT);
    return &l->hot[hash_of(target) & (HOT - 1)];
}

static void hot_put(struct api_loop *l, struct str target, struct answer *a)
{
    struct hot_entry *e = hot_place(l, target);

    if (target.len > HOT_TARGET)
        return;
    answer_unref(e->answer);
    e->answer = answer_ref(a);
    e->version = l->seen_version;
    e->len = target.len;
    memcpy(e->target, target.p, target.len);
}

static struct answer *render(const struct head_view *v, const struct query *q)
{
    struct row *rows[QUERY_LIMIT_MAX];
    size_t n;
    bool more;

    if (!head_select(v, q, rows, &n, &more))
        return NULL;
    return answer_render(q, rows, n, more);
}

/* From what was rendered of this view, or rendered now; a reference. NULL: the
 * head does not have it all. */
static struct answer *view_answer(struct head_view *v, const struct query *q,
                                  struct str key)
{
    struct answer *a = NULL;

    pthread_mutex_lock(&v->lock);
    for (unsigned i = 0; i < v->n_answers && !a; i++) {
        if (str_eq(str_of(v->answers[i].key, v->answers[i].key_len), key))
            a = answer_ref(v->answers[i].answer);
    }
    if (!a) {
        a = render(v, q);
        if (a && v->n_answers < HEAD_ANSWERS) {
            v->answers[v->n_answers].key = mem_dup(key.p, key.len);
            v->answers[v->n_answers].key_len = key.len;
            v->answers[v->n_answers++].answer = answer_ref(a);
        }
    }
    pthread_mutex_unlock(&v->lock);
    return a;
}

/* --- waiting for a comparison --- */

static void unpark(struct exchange *x)
{
    struct api_loop *l = x->l;

    if (!x->parked)
        return;
    x->parked = false;
    if (x->prev)
        x->prev->next = x->next;
    else
        l->parked = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->next = x->prev = NULL;
    x->abandon = NULL;
}

static void park(struct exchange *x, int64_t most_us)
{
    struct api_loop *l = x->l;

    x->parked = true;
    x->abandon = unpark;
    x->prev = NULL;
    x->next = l->parked;
    if (l->parked)
        l->parked->prev = x;
    l->parked = x;
    if (!loop_timer_is_armed(&l->park_over))
        loop_timer_arm(&l->park_over, most_us);
}

/* --- deep answers --- */

struct deep {
    struct cache_get get;
    struct exchange *x;
    struct buf key;
};

static void reply_failed(struct exchange *x, int rc)
{
    if (rc == RC_BUSY)
        reply_problem(x, 429, "too many reads of the store; try again soon",
                      NULL, 0);
    else
        reply_problem(x, 503, "the store does not answer; try again soon", NULL,
                      0);
}

static void send_deep(struct exchange *x, const struct cache_get *get)
{
    struct answer *a = get->value->object;
    int64_t over_us = loop_now_us(x->l->loop) - get->value->times.fresh_us;

    switch (get->source) {
    case CACHE_LOCAL:
        count(x, CACHED_LOCAL);
        send(x, a, STR("datos; hit; detail=local"));
        break;
    case CACHE_REDIS:
        count(x, CACHED_REDIS);
        send(x, a, STR("datos; hit; detail=redis"));
        break;
    case CACHE_LOADED:
        count(x, CACHED_MISS);
        send(x, a, STR("datos; fwd=miss; stored"));
        break;
    default:
        send_stale(x, a, over_us > 0 ? over_us : 0);
    }
}

static void on_got(struct cache_get *get)
{
    struct deep *d = LOOP_OWNER(get, struct deep, get);
    struct exchange *x = d->x;

    if (exchange_end(x)) {
        if (get->rc == RC_OK)
            send_deep(x, get);
        else
            reply_failed(x, get->rc);
    }
    cache_value_unref(get->value);
    buf_fini(&d->key);
    mem_free(d);
}

static void get_deep(struct exchange *x, struct str key)
{
    struct api_loop *l = x->l;
    struct cache_get quick = {.key = key};
    struct deep *d;

    if (cache_peek(l->api->cache, l->loop, l->redis, &quick)) {
        send_deep(x, &quick);
        cache_value_unref(quick.value);
        return;
    }
    d = MEM_NEW(struct deep);
    d->x = x;
    d->get.done = on_got;
    buf_init(&d->key, KEY_MAX);
    buf_str(&d->key, key);
    d->get.key = buf_as_str(&d->key);
    exchange_begin(x);
    cache_get(l->api->cache, l->loop, l->redis, &d->get);
}

/* --- the way --- */

static int parse(struct exchange *x, struct query *q, struct query_error *why)
{
    struct str segment;

    if (x->route->id == ROUTE_DATOS)
        return query_parse(http_req_query(x->req), q, why);
    if (http_req_query(x->req).len) {
        *why = (struct query_error){"", "this path takes no parameters"};
        return RC_INVALID;
    }
    (void)route_find(http_req_path(x->req), &segment);
    return query_parse_id(segment, q, why);
}

static void reply_refused(struct exchange *x, const struct query_error *why)
{
    const struct reply_error error = {why->field, why->reason};

    reply_problem(x, 400, "the query is not one of this path", &error, 1);
}

static bool asks_redis(const struct api_loop *l)
{
    return l->api->no_local && l->redis && redis_is_up(l->redis);
}

/* `over_us` < 0: the head is fresh. `waited`: it was fetched for this. */
static void serve(struct exchange *x, int64_t over_us, bool waited)
{
    struct api_loop *l = x->l;
    struct query_error why;
    struct query q;
    struct answer *a;
    struct buf key;

    if (parse(x, &q, &why)) {
        reply_refused(x, &why);
        return;
    }
    buf_init(&key, KEY_MAX);
    query_put_key(&q, &key);
    a = over_us < 0 && asks_redis(l)
            ? NULL
            : view_answer(l->view, &q, buf_as_str(&key));
    if (!a) {
        get_deep(x, buf_as_str(&key));
    } else if (over_us >= 0) {
        send_stale(x, a, over_us);
    } else {
        hot_put(l, http_req_target(x->req), a);
        count(x, waited ? CACHED_MISS : CACHED_LOCAL);
        send(x, a,
             waited ? STR("datos; fwd=miss; stored")
                    : STR("datos; hit; detail=local"));
    }
    answer_unref(a);
    buf_fini(&key);
}

static void decide(struct exchange *x, bool waited)
{
    struct api_loop *l = x->l;
    int64_t over_us = -1;

    switch (
        check_decide(l->api->check, loop_now_us(l->loop), !waited, &over_us)) {
    case CHECK_FRESH:
        serve(x, -1, waited);
        break;
    case CHECK_STALE:
        serve(x, over_us > 0 ? over_us : 0, waited);
        break;
    case CHECK_WAIT:
        park(x, PARK_US);
        break;
    case CHECK_WAIT_BRIEFLY:
        park(x, PARK_BRIEF_US);
        break;
    default:
        reply_problem(x, 503,
                      "the store does not answer and nothing is cached; try "
                      "again soon",
                      NULL, 0);
    }
}

static void get_any(struct exchange *x)
{
    struct api_loop *l = x->l;
    struct str target = http_req_target(x->req);
    struct hot_entry *e = hot_place(l, target);

    refresh_view(l);
    if (http_req_start_us(x->req) >= l->fresh_until_us) {
        decide(x, false);
        return;
    }
    if (!l->api->no_local && e->version == l->seen_version &&
        e->len == target.len && memcmp(e->target, target.p, e->len) == 0) {
        count(x, CACHED_LOCAL);
        send(x, e->answer, STR("datos; hit; detail=local"));
        return;
    }
    serve(x, -1, false);
}

void get_datos(struct exchange *x)
{
    get_any(x);
}

void get_record(struct exchange *x)
{
    get_any(x);
}

void get_wake(struct api_loop *l)
{
    refresh_view(l);
    /* none waits a second time, so this ends */
    while (l->parked) {
        struct exchange *x = l->parked;
        unpark(x);
        decide(x, true);
    }
}

void get_park_over(struct loop_timer *t)
{
    struct api_loop *l = LOOP_OWNER(t, struct api_loop, park_over);

    /* the next ones need not find out again */
    if (l->parked)
        check_hangs(l->api->check);
    get_wake(l);
}

void get_free(struct api_loop *l)
{
    for (int i = 0; l->hot && i < HOT; i++)
        answer_unref(l->hot[i].answer);
    mem_free(l->hot);
    head_view_unref(l->view);
}

/* --- the loader --- */

struct loading {
    struct store_query query;
    struct cache_load *load;
    struct api *api;
    struct query q;
    struct loop_task task; /* what is known at once is told later */
    struct answer *answer; /* from the head */
};

static void on_refused(struct loop_task *task)
{
    struct loading *g = LOOP_OWNER(task, struct loading, task);

    cache_load_done(g->load, g->query.rc, NULL, STR_NULL);
    mem_free(g);
}

static void load_done(struct loading *g, struct answer *a)
{
    struct buf bytes;

    buf_init(&bytes, answer_body(a).len + 8192);
    answer_encode(a, &bytes);
    cache_load_done(g->load, bytes.failed ? RC_NOMEM : RC_OK, NULL,
                    buf_as_str(&bytes));
    buf_fini(&bytes);
}

static void on_rendered(struct loop_task *task)
{
    struct loading *g = LOOP_OWNER(task, struct loading, task);

    load_done(g, g->answer);
    answer_unref(g->answer);
    mem_free(g);
}

/* The head, if it is known to be true and has the whole answer. */
static struct answer *load_from_head(struct loading *g)
{
    struct api *api = g->api;
    struct head_view *v;
    struct answer *a;

    if (!api->no_local ||
        loop_now_us(g->load->loop) >= check_trusted_until(api->check))
        return NULL;
    v = head_view(api->head);
    a = view_answer(v, &g->q, g->load->key);
    head_view_unref(v);
    return a;
}

static void on_rows(struct store_query *query)
{
    struct loading *g = LOOP_OWNER(query, struct loading, query);
    struct answer *a = NULL;

    atomic_fetch_sub(&g->api->pending, 1);
    if (query->rc == RC_OK) {
        size_t n = query->rows.n < g->q.limit ? query->rows.n : g->q.limit;
        a = answer_render(&g->q, query->rows.rows, n,
                          query->rows.n > n || query->cut);
    }
    if (a) {
        load_done(g, a);
    } else {
        cache_load_done(g->load, query->rc ? query->rc : RC_NOMEM,
                        query->rc ? &query->err : NULL, STR_NULL);
    }
    answer_unref(a);
    row_list_fini(&query->rows);
    mem_free(g);
}

void get_load(struct cache_load *load, void *arg)
{
    struct loading *g = MEM_NEW(struct loading);
    struct store_query *s = &g->query;

    g->api = arg;
    g->load = load;
    s->rc = query_from_key(load->key, &g->q) ? RC_BUSY : RC_OK;
    if (s->rc == RC_OK)
        g->answer = load_from_head(g);
    /* a store that is known to be down is not waited for */
    if (s->rc == RC_OK && !g->answer && !health_is_ok(g->api->health))
        s->rc = RC_UNAVAILABLE;
    if (s->rc == RC_OK && !g->answer &&
        !bucket_take(g->api->reads, loop_now_us(load->loop)))
        s->rc = RC_BUSY;
    if (g->answer || s->rc) {
        g->task.run = g->answer ? on_rendered : on_refused;
        loop_post(load->loop, &g->task);
        return;
    }
    s->loop = load->loop;
    s->done = on_rows;
    s->limit = g->q.single ? 1 : g->q.limit + 1;
    s->has_since = g->q.has_since;
    s->since_us = g->q.since_us;
    s->has_until = g->q.has_until;
    s->until_us = g->q.until_us;
    s->has_after = g->q.has_after;
    s->after_us = g->q.after_us;
    if (g->q.has_after)
        s->after_id = query_after_id(&g->q);
    if (g->q.has_id)
        s->id = query_id(&g->q);
    atomic_fetch_add(&g->api->pending, 1);
    store_query(g->api->store, s);
}
