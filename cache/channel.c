/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire: `EPOCH:COUNTER:KIND` and the payload, where EPOCH
 * is 16 hex digits and KIND is `p` (payload) or `g` (a writer's gap note). A
 * script counts and publishes in one step, so the order of counters is the
 * order of messages.
 *
 * A reader also listens on a channel of its own and makes Redis publish the
 * present generation there four times a second: the beat comes through the
 * same connection and in the same order as the payloads. So a dead link, and
 * a generation that was missed, are both found within a second without
 * trusting any connection's silence. */
#include "cache/channel.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cache/frame.h"
#include "cache/redis.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"

enum {
    PUBLISH_US = 20000, /* an attempt; two make the 50 ms of the door */
    BEAT_US = 250000,
    BEATS_LOST = 3, /* unanswered beats that mean a dead link */
    NAME_MAX_BYTES = 200
};

#define SCRIPT_PUBLISH                                                         \
    "local e=redis.call('HGET',KEYS[1],'e') "                                  \
    "if not e then e=ARGV[1] redis.call('HSET',KEYS[1],'e',e,'c',0) end "      \
    "local c=redis.call('HINCRBY',KEYS[1],'c',1) "                             \
    "redis.call('PUBLISH',ARGV[2],e..':'..string.format('%.0f',c)..':'.."      \
    "ARGV[3]) return {e,c}"

/* Redis takes no writes. What is published is not counted, so no generation
 * may stand for it: the count is dropped where that is allowed. */
#define SCRIPT_UNCOUNTED                                                       \
    "redis.pcall('DEL',KEYS[1]) redis.call('PUBLISH',ARGV[1],ARGV[2]) return " \
    "1"

/* An epoch is begun if there is none; a Redis that is full begins it later. */
#define SCRIPT_BEAT                                                            \
    "local g=redis.call('HMGET',KEYS[1],'e','c') "                             \
    "if not g[1] then g={ARGV[2],'0'} "                                        \
    "if type(redis.pcall('HSET',KEYS[1],'e',g[1],'c',0))=='table' then "       \
    "g={'0','0'} end end "                                                     \
    "redis.call('PUBLISH',ARGV[1],g[1]..':'..(g[2] or '0')..':b') return 1"

struct message; /* a publication under way */

struct channel {
    struct loop *loop;
    struct channel_config config;
    struct redis_url url;
    struct redis *commands, *subscriber;
    char key[NAME_MAX_BYTES], name[NAME_MAX_BYTES], beat[NAME_MAX_BYTES];
    struct str subscriptions[2];
    char script[48]; /* digest of SCRIPT_PUBLISH; empty: not loaded */
    struct redis_command load;
    bool load_busy;
    struct redis_command pulse;
    bool pulse_busy;
    unsigned beats_open; /* asked for and not heard */
    struct loop_timer tick;
    struct generation seen;    /* epoch 0: unknown */
    struct generation spoiled; /* something came after it uncounted */
    bool subscribed, up, closing;
    bool missed; /* readers missed something of ours: tell them */
    struct message *gap_note;
    unsigned n_messages;
};

struct message {
    struct redis_command command;
    struct channel *channel;
    struct channel_publish *op; /* NULL: a gap note */
    struct buf framed;          /* kind and payload */
    enum {
        BY_DIGEST,
        BY_TEXT,
        UNCOUNTED
    } way;
};

/* --- reading --- */

static void set_up(struct channel *c, bool up)
{
    if (c->up == up || c->closing)
        return;
    c->up = up;
    if (c->config.on_state)
        c->config.on_state(up, c->config.arg);
}

static void tell_gap(struct channel *c)
{
    if (c->config.on_gap && !c->closing)
        c->config.on_gap(c->config.arg);
}

static bool is_same(struct generation a, struct generation b)
{
    return a.epoch == b.epoch && a.counter == b.counter;
}

static void on_beat(struct channel *c, struct generation gen)
{
    c->beats_open = 0;
    if (gen.epoch == 0) /* nothing was ever published, or all was lost */
        gen = (struct generation){0};
    if (!c->up) {
        /* the first beat after subscribing: from here on nothing is missed */
        c->seen = gen;
        set_up(c, true);
        tell_gap(c);
        return;
    }
    if (!is_same(c->seen, gen)) {
        c->seen = gen;
        tell_gap(c);
    }
}

static void on_counted(struct channel *c, struct generation gen,
                       enum frame_kind kind, struct str payload)
{
    /* epoch 0 with counter 0: before the first publication ever */
    bool follows = gen.epoch && gen.epoch == c->seen.epoch
                       ? gen.counter == c->seen.counter + 1
                       : c->up && c->seen.epoch == 0 && gen.counter == 1;

    if (gen.epoch)
        c->seen = gen;
    else
        c->spoiled = c->seen;
    if (kind == FRAME_PAYLOAD && c->config.on_payload)
        c->config.on_payload(gen, payload, c->config.arg);
    if (c->up && (!follows || kind == FRAME_GAP))
        tell_gap(c);
}

static void on_message(struct str name, struct str text, void *arg)
{
    struct channel *c = arg;
    struct generation gen;
    enum frame_kind kind;
    struct str payload;

    if (!frame_parse(text, &gen, &kind, &payload)) {
        LOG_W("channel: a message that is none of ours on %.*s", STR_ARG(name));
        if (str_eq(name, str_from(c->name)))
            tell_gap(c);
    } else if (kind == FRAME_BEAT) {
        on_beat(c, gen);
    } else {
        on_counted(c, gen, kind, payload);
    }
}

static void new_epoch(char *out)
{
    uint64_t random;

    rand_bytes(&random, sizeof(random));
    frame_put_epoch(out, random ? random : 1);
}

/* --- the beat --- */

static void on_pulse(struct redis_command *command)
{
    struct channel *c = LOOP_OWNER(command, struct channel, pulse);

    c->pulse_busy = false;
    if (command->rc == RC_OK && command->reply.type == REDIS_ERROR)
        LOG_W("channel: Redis refuses the beat: %.*s",
              STR_ARG(command->reply.text));
}

static void pulse(struct channel *c)
{
    char epoch[FRAME_EPOCH + 1];
    struct str words[6] = {STR("EVAL"), STR(SCRIPT_BEAT), STR("1"),
                           str_from(c->key), str_from(c->beat)};

    c->beats_open++;
    if (c->pulse_busy)
        return;
    new_epoch(epoch);
    words[5] = str_of(epoch, FRAME_EPOCH);
    c->pulse_busy = true;
    c->pulse.done = on_pulse;
    redis_send(c->commands, &c->pulse, words, 6);
}

static void announce_gap(struct channel *c);

static void on_tick(struct loop_timer *t)
{
    struct channel *c = LOOP_OWNER(t, struct channel, tick);

    if (c->missed && redis_is_up(c->commands))
        announce_gap(c);
    if (c->subscribed) {
        if (c->beats_open >= BEATS_LOST) {
            c->beats_open = 0;
            set_up(c, false);
            redis_reset(c->subscriber, "no beat comes through");
        } else {
            pulse(c);
        }
    }
    if (c->config.subscribe || c->missed)
        loop_timer_arm(t, BEAT_US);
}

static void on_subscriber_state(bool up, void *arg)
{
    struct channel *c = arg;

    c->subscribed = up;
    c->beats_open = 0;
    c->seen = (struct generation){0};
    if (!up)
        set_up(c, false);
    else if (redis_is_up(c->commands)) /* else when that comes up */
        pulse(c);
}

/* --- publishing --- */

static void send_message(struct message *m);

static void finish_message(struct message *m, int rc, struct generation gen)
{
    struct channel *c = m->channel;
    struct channel_publish *op = m->op;

    c->n_messages--;
    if (m == c->gap_note)
        c->gap_note = NULL;
    /* a gap note that did not get out stays due */
    if (rc) {
        c->missed = true;
        if (!loop_timer_is_armed(&c->tick))
            loop_timer_arm(&c->tick, BEAT_US);
    }
    buf_fini(&m->framed);
    mem_free(m);
    if (!op)
        return;
    op->rc = rc;
    op->gen = gen;
    op->done(op);
}

static bool is_refused(const struct redis_value *reply, struct str code)
{
    return reply->type == REDIS_ERROR && str_starts(reply->text, code);
}

static void on_published(struct redis_command *command)
{
    struct message *m = LOOP_OWNER(command, struct message, command);
    struct channel *c = m->channel;
    struct generation gen = {0};

    if (command->rc) {
        finish_message(
            m, command->rc == RC_CANCELLED ? RC_CANCELLED : RC_UNAVAILABLE,
            gen);
        return;
    }
    if (command->reply.type == REDIS_ERROR && m->way != UNCOUNTED) {
        if (is_refused(&command->reply, STR("NOSCRIPT"))) {
            c->script[0] = '\0';
            m->way = BY_TEXT;
        } else {
            /* full, read-only or unable to save: passing on needs no memory */
            LOG_W("channel: Redis does not count (%.*s): readers will ask the "
                  "store",
                  STR_ARG(command->reply.text));
            m->way = UNCOUNTED;
        }
        send_message(m);
        return;
    }
    if (command->reply.type == REDIS_ERROR) {
        LOG_W("channel: Redis does not publish: %.*s",
              STR_ARG(command->reply.text));
        finish_message(m, RC_UNAVAILABLE, gen);
        return;
    }
    if (command->reply.type == REDIS_LIST) {
        struct redis_value epoch = redis_item(&command->reply, 0);
        if (frame_parse_epoch(epoch.text, &gen.epoch))
            gen.counter = (uint64_t)redis_item(&command->reply, 1).number;
    }
    finish_message(m, RC_OK, gen);
}

static void send_message(struct message *m)
{
    struct channel *c = m->channel;
    char epoch[FRAME_EPOCH + 1];
    struct str words[8];
    size_t n = 0;

    new_epoch(epoch);
    m->command.done = on_published;
    m->command.timeout_us = PUBLISH_US;
    if (m->way == UNCOUNTED) {
        struct buf plain;
        buf_init(&plain, m->framed.len + 8);
        buf_puts(&plain, "0:0:");
        buf_str(&plain, buf_as_str(&m->framed));
        words[n++] = STR("EVAL");
        words[n++] = STR(SCRIPT_UNCOUNTED);
        words[n++] = STR("1");
        words[n++] = str_from(c->key);
        words[n++] = str_from(c->name);
        words[n++] = buf_as_str(&plain);
        redis_send(c->commands, &m->command, words, n);
        buf_fini(&plain);
        return;
    }
    words[n++] = m->way == BY_DIGEST ? STR("EVALSHA") : STR("EVAL");
    words[n++] =
        m->way == BY_DIGEST ? str_from(c->script) : STR(SCRIPT_PUBLISH);
    words[n++] = STR("1");
    words[n++] = str_from(c->key);
    words[n++] = str_of(epoch, FRAME_EPOCH);
    words[n++] = str_from(c->name);
    words[n++] = buf_as_str(&m->framed);
    redis_send(c->commands, &m->command, words, n);
}

static struct message *message_new(struct channel *c, char kind,
                                   struct str payload)
{
    struct message *m = MEM_NEW(struct message);

    m->channel = c;
    m->way = c->script[0] ? BY_DIGEST : BY_TEXT;
    buf_init(&m->framed, payload.len + 1);
    buf_putc(&m->framed, kind);
    buf_str(&m->framed, payload);
    c->n_messages++;
    return m;
}

void channel_publish(struct channel *c, struct channel_publish *op)
{
    struct message *m = message_new(c, 'p', op->payload);

    op->channel = c;
    m->op = op;
    if (m->framed.failed) { /* readers cannot be told what: a gap instead */
        buf_reset(&m->framed);
        buf_putc(&m->framed, 'g');
    }
    send_message(m);
}

static void announce_gap(struct channel *c)
{
    if (c->gap_note || c->closing)
        return;
    c->missed = false;
    c->gap_note = message_new(c, 'g', STR(""));
    send_message(c->gap_note);
}

static void on_loaded(struct redis_command *command)
{
    struct channel *c = LOOP_OWNER(command, struct channel, load);

    c->load_busy = false;
    if (command->rc == RC_OK && command->reply.type == REDIS_TEXT &&
        command->reply.text.len == 40)
        snprintf(c->script, sizeof(c->script), "%.*s",
                 STR_ARG(command->reply.text));
}

static void on_command_state(bool up, void *arg)
{
    struct channel *c = arg;
    struct str words[3] = {STR("SCRIPT"), STR("LOAD"), STR(SCRIPT_PUBLISH)};

    c->script[0] = '\0';
    if (!up) {
        if (!c->config.subscribe)
            set_up(c, false);
        return;
    }
    if (!c->load_busy) {
        c->load_busy = true;
        c->load.done = on_loaded;
        redis_send(c->commands, &c->load, words, 3);
    }
    if (c->missed)
        announce_gap(c);
    if (!c->config.subscribe)
        set_up(c, true);
    else if (c->subscribed)
        pulse(c);
}

/* --- life --- */

static void make_names(struct channel *c)
{
    uint64_t random;

    rand_bytes(&random, sizeof(random));
    snprintf(c->key, sizeof(c->key), "datos:{%.100s}:generation",
             c->config.system);
    snprintf(c->name, sizeof(c->name), "datos:{%.100s}:rows", c->config.system);
    snprintf(c->beat, sizeof(c->beat), "datos:{%.100s}:beat:%016" PRIx64,
             c->config.system, random);
    c->subscriptions[0] = str_from(c->name);
    c->subscriptions[1] = str_from(c->beat);
}

int channel_open(struct loop *loop, const struct channel_config *config,
                 struct channel **out, struct err *err)
{
    struct redis_config redis = {.ca_file = config->ca_file,
                                 .what = "commands"};
    struct redis_url url;
    struct channel *c;
    int rc = redis_url_parse(str_from(config->redis_url), &url, err);

    if (rc)
        return rc;
    c = MEM_NEW(struct channel);
    c->loop = loop;
    c->config = *config;
    c->url = url;
    make_names(c);
    loop_timer_init(&c->tick, loop, on_tick);
    if (config->subscribe)
        loop_timer_arm(&c->tick, BEAT_US);
    redis.url = &c->url;
    redis.arg = c;
    redis.on_state = on_command_state;
    c->commands = redis_new(loop, &redis);
    if (config->subscribe) {
        redis.what = "channel";
        redis.channels = c->subscriptions;
        redis.n_channels = 2;
        redis.on_message = on_message;
        redis.on_state = on_subscriber_state;
        c->subscriber = redis_new(loop, &redis);
    }
    *out = c;
    return RC_OK;
}

struct generation channel_generation(const struct channel *c)
{
    return c->up && !is_same(c->seen, c->spoiled) ? c->seen
                                                  : (struct generation){0};
}

bool channel_is_up(const struct channel *c)
{
    return c->up;
}

struct redis *channel_redis(struct channel *c)
{
    return c->commands;
}

void channel_close(struct channel *c)
{
    if (!c)
        return;
    c->closing = true;
    redis_free(c->subscriber);
    redis_free(c->commands);
    loop_timer_fini(&c->tick);
    redis_url_fini(&c->url);
    mem_free(c);
}
