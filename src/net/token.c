/* SPDX-License-Identifier: Apache-2.0 */
/* The cache in front of every kind of credential: one fetch at a time, ahead
 * of expiry, while the old token goes on being served. */
#include "net/token.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "net/token_kind.h"

#define AHEAD_US  (225 * US_PER_S) /* metadata servers renew 4 min ahead */
#define MARGIN_US (10 * US_PER_S)  /* clocks and the way to the service */

static const struct retry_policy fetch_again = {
    .first_us = 500 * US_PER_MS,
    .max_us = 30 * US_PER_S,
};

struct token_source {
    struct loop *loop;
    const struct token_kind *kind;
    void *self;
    char *description, *quota_project, *universe;
    char *bearer;                   /* NULL: none yet */
    int64_t expires_us, refresh_us; /* monotonic */
    bool is_fetching;
    struct retry retry;
    struct rand rand;
    struct token_get *waiting;
    struct loop_timer answer_timer, refresh_timer;
};

static void fetch(struct token_source *s)
{
    if (s->is_fetching)
        return;
    s->is_fetching = true;
    loop_timer_cancel(&s->refresh_timer);
    s->kind->fetch(s->self);
}

static bool is_good(const struct token_source *s)
{
    return s->bearer && clock_mono_us() < s->expires_us - MARGIN_US;
}

/* Answers all who wait; they may ask again meanwhile. */
static void answer(struct token_source *s, int rc, const struct err *err)
{
    struct token_get *get = s->waiting, *next;

    s->waiting = NULL;
    for (; get; get = next) {
        next = get->next;
        get->source = NULL;
        get->rc = rc;
        if (err)
            get->err = *err;
        get->bearer = rc == RC_OK ? str_from(s->bearer) : STR_NULL;
        get->done(get);
    }
}

static void on_answer(struct loop_timer *timer)
{
    struct token_source *s =
        LOOP_OWNER(timer, struct token_source, answer_timer);

    if (is_good(s))
        answer(s, RC_OK, NULL);
    else
        fetch(s);
}

static void on_refresh(struct loop_timer *timer)
{
    fetch(LOOP_OWNER(timer, struct token_source, refresh_timer));
}

void token_get(struct token_source *s, struct token_get *get)
{
    get->source = s;
    get->next = s->waiting;
    s->waiting = get;
    if (is_good(s) || !s->is_fetching)
        loop_timer_arm(&s->answer_timer, 0);
}

void token_get_cancel(struct token_get *get)
{
    struct token_get **at;

    if (!get->source)
        return;
    for (at = &get->source->waiting; *at; at = &(*at)->next) {
        if (*at == get) {
            *at = get->next;
            break;
        }
    }
    get->source = NULL;
}

void token_refused(struct token_source *s, struct str bearer)
{
    if (s->bearer && str_eq(str_from(s->bearer), bearer))
        s->expires_us = 0;
}

static void keep(struct token_source *s, struct str bearer, int64_t life_us)
{
    int64_t now = clock_mono_us();
    int64_t ahead = AHEAD_US;

    if (ahead > life_us / 4)
        ahead = life_us / 4;
    mem_free(s->bearer);
    s->bearer = mem_strndup(bearer.p, bearer.len);
    s->expires_us = now + life_us;
    s->refresh_us = s->expires_us - ahead;
    retry_reset(&s->retry);
    loop_timer_arm(&s->refresh_timer, s->refresh_us - now);
}

void token_deliver(struct token_source *s, int rc, const struct err *err,
                   struct str bearer, int64_t life_us)
{
    int64_t delay = 0;

    s->is_fetching = false;
    if (rc == RC_OK) {
        keep(s, bearer, life_us);
        answer(s, RC_OK, NULL);
        return;
    }
    LOG_W("no access token from %s: %s", s->description, err->text);
    retry_next(&s->retry, &fetch_again, clock_mono_us(), rand_unit(&s->rand), 0,
               &delay);
    if (is_good(s)) {
        /* a failed refresh ahead of time: the old one still serves */
        loop_timer_arm(&s->refresh_timer, delay);
        answer(s, RC_OK, NULL);
        return;
    }
    answer(s, rc, err);
}

const char *token_quota_project(const struct token_source *s)
{
    return s ? s->quota_project : NULL;
}

const char *token_universe(const struct token_source *s)
{
    return s && s->universe ? s->universe : "googleapis.com";
}

const char *token_describe(const struct token_source *s)
{
    return s ? s->description : "none";
}

struct token_source *token_source_new(struct loop *loop,
                                      const struct token_kind *kind, void *self,
                                      char *description, char *quota_project,
                                      char *universe)
{
    struct token_source *s = MEM_NEW(struct token_source);
    uint64_t seed;

    s->loop = loop;
    s->kind = kind;
    s->self = self;
    s->description = description;
    s->quota_project = quota_project;
    s->universe = universe;
    rand_bytes(&seed, sizeof(seed));
    rand_seed(&s->rand, seed);
    loop_timer_init(&s->answer_timer, loop, on_answer);
    loop_timer_init(&s->refresh_timer, loop, on_refresh);
    return s;
}

static void forget(char *secret)
{
    /* not into a core file or the next owner of the page */
    if (secret)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

void token_source_free(struct token_source *s)
{
    if (!s)
        return;
    s->kind->free(s->self);
    loop_timer_fini(&s->answer_timer);
    loop_timer_fini(&s->refresh_timer);
    forget(s->bearer);
    mem_free(s->description);
    mem_free(s->quota_project);
    mem_free(s->universe);
    mem_free(s);
}
