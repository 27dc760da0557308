/* SPDX-License-Identifier: Apache-2.0 */
/* Room for push requests, which all subscriptions share: sockets, and memory
 * for bodies. Each subscription has one place of its own, whatever others
 * have out; what is beyond that is shared out among those that want it. An
 * endpoint that takes 10 MB and never answers would keep its place for up to
 * 600 s: where somebody waits for one, the oldest request of those that do not
 * answer is broken off, which their pace counts as a failure, so that such
 * endpoints soon stand back for a minute at a time. */
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/push_priv.h"

enum {
    CALLS_EXTRA = 384,        /* beyond each one's first few */
    BYTES_OWN = 128 << 20,    /* of the places of their own */
    BYTES_SHARED = 64 << 20,  /* of all others */
    BYTES_UNPROVEN = 1 << 20, /* of one that has not answered, beyond those */
    CALLS_OTHERS_4 = 3        /* quarters of all that are not kept for places */
};
/* How long a place is kept that another waits for: one that may be well, one
 * that did not answer either; and by whom it answered before. */
#define PATIENCE_US          US_PER_S
#define PATIENCE_SILENT_US   (10 * US_PER_S)
#define PATIENCE_ANSWERED_US (30 * US_PER_S)

/* --- is there any? -------------------------------------------------------- */

static bool has_place(const struct push_pool *pool)
{
    return pool->n_calls < pool->calls_max && pool->own_bytes < BYTES_OWN;
}

/* One that has not answered yet has enough out. */
static bool is_on_trial(const struct push *p)
{
    return p->has_own && p->answers != PUSH_ANSWERS &&
           p->n_bytes >= BYTES_UNPROVEN;
}

bool push_has_room(const struct push_pool *pool, const struct push *p)
{
    unsigned extra = p->n_calls - PUSH_WINDOW_FIRST;
    size_t shares = 1 + pool->n_starved;

    if (!p->has_own)
        return has_place(pool);
    if (pool->n_calls >= pool->calls_max / 4 * CALLS_OTHERS_4 ||
        pool->shared_bytes >= BYTES_SHARED ||
        p->shared_bytes >= BYTES_SHARED / shares || is_on_trial(p))
        return false;
    return p->n_calls < PUSH_WINDOW_FIRST ||
           (pool->n_extra < CALLS_EXTRA && extra < CALLS_EXTRA / shares);
}

/* --- what is out ---------------------------------------------------------- */

static void count(struct push *p, struct push_pool *pool, int change)
{
    unsigned last = change > 0 ? p->n_calls : p->n_calls - 1;

    if (last >= PUSH_WINDOW_FIRST)
        pool->n_extra += (unsigned)change;
    p->n_calls += (unsigned)change;
}

void push_room_take(struct push_call *c)
{
    struct push_pool *pool = c->pool;
    struct push *p = c->push;

    c->is_own = !p->has_own;
    c->n_bytes = c->body.len;
    count(p, pool, 1);
    p->has_own = true;
    p->n_bytes += c->n_bytes;
    p->shared_bytes += c->is_own ? 0 : c->n_bytes;
    pool->n_calls++;
    *(c->is_own ? &pool->own_bytes : &pool->shared_bytes) += c->n_bytes;
    c->older = pool->newest;
    *(c->older ? &c->older->newer : &pool->oldest) = c;
    pool->newest = c;
}

void push_room_leave(struct push_call *c)
{
    struct push *p = c->push;

    if (!p)
        return;
    count(p, c->pool, -1);
    p->has_own = p->has_own && !c->is_own;
    p->n_bytes -= c->n_bytes;
    p->shared_bytes -= c->is_own ? 0 : c->n_bytes;
    c->push = NULL;
}

void push_room_free(struct push_call *c)
{
    struct push_pool *pool = c->pool;

    push_room_leave(c);
    pool->n_calls--;
    pool->n_broken -= c->is_broken;
    *(c->is_own ? &pool->own_bytes : &pool->shared_bytes) -= c->n_bytes;
    *(c->older ? &c->older->newer : &pool->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &pool->newest) = c->older;
}

/* --- who waits for some --------------------------------------------------- */

/* How long the request may keep its place while `waiter` has none. */
static int64_t patience_us(const struct push_call *c, const struct push *waiter)
{
    return c->push->answers == PUSH_ANSWERS ? PATIENCE_ANSWERED_US
           : waiter->answers == PUSH_SILENT ? PATIENCE_SILENT_US
                                            : PATIENCE_US;
}

/* The one whose time is over first, and when; NULL: none may be broken off. */
static struct push_call *first_to_break(const struct push_pool *pool,
                                        const struct push *waiter,
                                        int64_t *at_us)
{
    struct push_call *first = NULL;

    for (struct push_call *c = pool->oldest; c; c = c->newer) {
        int64_t us;

        if (!c->push || !c->is_own || c->step == PUSH_OVER)
            continue;
        us = c->start_us + patience_us(c, waiter);
        if (!first || us < *at_us) {
            first = c;
            *at_us = us;
        }
        if (c->push->answers != PUSH_ANSWERS)
            break; /* those behind it began later */
    }
    return first;
}

/* The one that is to have a place next; NULL: nobody waits for one. */
static struct push *next_placeless(const struct push_pool *pool)
{
    struct push *silent = NULL;

    for (struct push *p = pool->starved; p; p = p->next_starved) {
        if (p->has_own)
            continue;
        if (p->answers != PUSH_SILENT)
            return p;
        if (!silent)
            silent = p;
    }
    return silent;
}

/* One at a time: each that ends may be enough. */
static void relieve(struct push_pool *pool)
{
    const struct push *waiter;
    struct push_call *c;
    int64_t at_us = 0, now_us = loop_now_us(pool->service->e->loop);

    loop_timer_cancel(&pool->relief);
    if (pool->n_broken || has_place(pool))
        return;
    waiter = next_placeless(pool);
    c = waiter ? first_to_break(pool, waiter, &at_us) : NULL;
    if (!c)
        return;
    if (at_us > now_us) {
        loop_timer_arm(&pool->relief, at_us - now_us);
        return;
    }
    c->is_broken = true;
    pool->n_broken++;
    push_call_stop(c, PUSH_DEADLINE);
}

static void on_relief(struct loop_timer *timer)
{
    relieve(LOOP_OWNER(timer, struct push_pool, relief));
}

void push_room_init(struct push_pool *pool)
{
    pool->last_starved = &pool->starved;
    loop_timer_init(&pool->relief, pool->service->e->loop, on_relief);
}

void push_room_fini(struct push_pool *pool)
{
    loop_timer_fini(&pool->relief);
}

void push_starve(struct push_pool *pool, struct push *p)
{
    if (is_on_trial(p))
        return; /* its own request's end is what it waits for */
    if (!p->is_starved) {
        p->is_starved = true;
        pool->n_starved++;
        p->next_starved = NULL;
        *pool->last_starved = p;
        pool->last_starved = &p->next_starved;
    }
    relieve(pool);
}

void push_leave_starved(struct push *p)
{
    struct push_pool *pool = p->sub->service->push_pool;
    struct push **at;

    if (!p->is_starved)
        return;
    for (at = &pool->starved; *at != p; at = &(*at)->next_starved) {
    }
    *at = p->next_starved;
    if (!*at)
        pool->last_starved = at;
    pool->n_starved--;
    p->is_starved = false;
}

void push_feed_next(struct push_pool *pool)
{
    struct push *next = NULL;

    for (struct push *p = pool->starved; p; p = p->next_starved) {
        if (!push_has_room(pool, p))
            continue;
        if (!next)
            next = p;
        if (p->answers != PUSH_SILENT) {
            next = p;
            break;
        }
    }
    if (next) {
        push_leave_starved(next);
        sub_due(next->sub);
    } else {
        relieve(pool);
    }
}
