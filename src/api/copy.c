/* SPDX-License-Identifier: Apache-2.0 */
/* In Redis: the head line of cache/shared.h, `all` or `part` (of the table) on
 * a line, then a notice of rows. */
#include "api/copy.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "api/app.h"
#include "api/check.h"
#include "cache/redis.h"
#include "cache/shared.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
    PERIOD_US = 1000000,
    ASK_US = 50000, /* until Redis is there and has answered */
    WRITE_US = 250000,
    LEASE_MS = 3000,
    COPY_MAX = 40 * 1024 * 1024
};

#define SCRIPT_LEASE                                                           \
    "local v=redis.call('GET',KEYS[1]) "                                       \
    "if v and v~=ARGV[1] then return 0 end "                                   \
    "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2]) return 1"

struct copy {
    struct api *api;
    struct redis *redis;
    struct loop_timer timer;
    struct redis_command command;
    bool busy, asked, stopped;
    uint64_t written; /* the head's version that lies in Redis */
    uint64_t writing;
    char id[24], key[192], lease[192];
};

/* --- reading --- */

static bool take_apart(struct copy *c, struct str text, struct row_list *rows,
                       int64_t *born_wall_us, bool *complete)
{
    struct generation gen;
    struct str bytes, word;
    int64_t published_us;
    bool cut = false;

    if (!shared_parse(text, &gen, born_wall_us, &bytes))
        return false;
    word = str_cut(&bytes, '\n');
    if (!bytes.p || notice_decode(bytes, c->api->schema, rows, &published_us,
                                  &cut) != RC_OK)
        return false;
    *complete = !cut && str_eq(word, STR("all"));
    return true;
}

static void adopt(struct copy *c, struct str text)
{
    struct row_list rows = {NULL, 0, 0, false};
    int64_t born_wall_us, age_us;
    bool complete;

    if (!take_apart(c, text, &rows, &born_wall_us, &complete)) {
        LOG_W("api: the copy of the head in Redis is of another version");
    } else {
        age_us = clock_wall_us() - born_wall_us;
        check_adopt(c->api->check, &rows, complete, age_us > 0 ? age_us : 0);
    }
    row_list_fini(&rows);
}

static void on_read(struct redis_command *command)
{
    struct copy *c = LOOP_OWNER(command, struct copy, command);

    c->busy = false;
    if (c->stopped || command->rc != RC_OK)
        return;
    c->asked = true;
    if (command->reply.type == REDIS_TEXT)
        adopt(c, command->reply.text);
}

static void read_copy(struct copy *c)
{
    const struct str words[2] = {STR("GET"), str_from(c->key)};

    c->busy = true;
    c->command =
        (struct redis_command){.done = on_read, .timeout_us = WRITE_US};
    redis_send(c->redis, &c->command, words, 2);
}

/* --- writing --- */

static void on_written(struct redis_command *command)
{
    struct copy *c = LOOP_OWNER(command, struct copy, command);

    c->busy = false;
    if (command->rc == RC_OK && command->reply.type != REDIS_ERROR)
        c->written = c->writing;
}

static void write_copy(struct copy *c)
{
    struct head_view *v;
    struct buf text;
    struct str words[5] = {STR("SET"), str_from(c->key)};
    char ms[24];

    /* the version first: what comes meanwhile is written the next time */
    c->writing = head_version(c->api->head);
    v = head_view(c->api->head);
    buf_init(&text, COPY_MAX);
    shared_put_head(&text, commits_stamp(c->api->commits).gen, clock_wall_us());
    buf_puts(&text, v->complete ? "all\n" : "part\n");
    notice_encode(&text, v->rows, v->n, 0);
    head_view_unref(v);
    snprintf(ms, sizeof(ms), "%" PRId64, c->api->settings->cache_stale_ms + 1);
    words[2] = buf_as_str(&text);
    words[3] = STR("PX");
    words[4] = str_from(ms);
    c->busy = !text.failed;
    c->command =
        (struct redis_command){.done = on_written, .timeout_us = WRITE_US};
    if (c->busy)
        redis_send(c->redis, &c->command, words, 5);
    buf_fini(&text);
}

static void on_leased(struct redis_command *command)
{
    struct copy *c = LOOP_OWNER(command, struct copy, command);

    c->busy = false;
    if (c->stopped || command->rc != RC_OK ||
        command->reply.type != REDIS_NUMBER || command->reply.number != 1)
        return;
    /* what may have missed something is not copied over what did not */
    if (check_is_live(c->api->check))
        write_copy(c);
}

static void lease(struct copy *c)
{
    struct str words[6] = {STR("EVAL"), STR(SCRIPT_LEASE), STR("1"),
                           str_from(c->lease), str_from(c->id)};
    char ms[16];

    snprintf(ms, sizeof(ms), "%d", LEASE_MS);
    words[5] = str_from(ms);
    c->busy = true;
    c->command = (struct redis_command){.done = on_leased};
    redis_send(c->redis, &c->command, words, 6);
}

static void on_timer(struct loop_timer *t)
{
    struct copy *c = LOOP_OWNER(t, struct copy, timer);

    if (redis_is_up(c->redis) && !c->busy) {
        if (!c->asked && !check_is_loaded(c->api->check))
            read_copy(c);
        else if (head_version(c->api->head) != c->written)
            lease(c);
    }
    loop_timer_arm(t, check_is_loaded(c->api->check) ? PERIOD_US : ASK_US);
}

/* --- life --- */

struct copy *copy_new(struct api *api)
{
    struct copy *c;
    uint64_t random;

    if (!api->loops[0].redis)
        return NULL;
    c = MEM_NEW(struct copy);
    c->api = api;
    c->redis = api->loops[0].redis;
    rand_bytes(&random, sizeof(random));
    snprintf(c->id, sizeof(c->id), "%016" PRIx64, random);
    snprintf(c->key, sizeof(c->key), "datos:{%.100s}:%016" PRIx64 ":head",
             api->settings->system, api->schema->version);
    snprintf(c->lease, sizeof(c->lease), "datos:{%.100s}:copier",
             api->settings->system);
    loop_timer_init(&c->timer, api->loops[0].loop, on_timer);
    return c;
}

void copy_start(struct copy *c)
{
    if (c)
        loop_timer_arm(&c->timer, 0);
}

void copy_stop(struct copy *c)
{
    if (!c)
        return;
    c->stopped = true;
    loop_timer_cancel(&c->timer);
}

void copy_free(struct copy *c)
{
    if (!c)
        return;
    loop_timer_fini(&c->timer);
    mem_free(c);
}
