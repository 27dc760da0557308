/* SPDX-License-Identifier: Apache-2.0 */
/* The invalidation channel over a real Redis: every payload in order, and a
 * gap told whenever one may have been missed. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/channel.h"
#include "common/log.h"
#include "real_redis.h"
#include "spin.h"

struct reader {
    struct channel *channel;
    bool up;
    unsigned n_gaps, n_up, n_down;
    struct generation last;
    unsigned n;
    unsigned numbers[2000]; /* of payloads, as they came */
};

static struct real_redis server;
static struct loop *loop;
static struct reader readers[2];
static struct channel *writer;

static void on_payload(struct generation gen, struct str payload, void *arg)
{
    struct reader *r = arg;

    r->last = gen;
    if (r->n < 2000)
        r->numbers[r->n++] = (unsigned)strtoul(payload.p, NULL, 10);
}

static void on_gap(void *arg)
{
    ((struct reader *)arg)->n_gaps++;
}

static void on_state(bool up, void *arg)
{
    struct reader *r = arg;

    r->up = up;
    if (up)
        r->n_up++;
    else
        r->n_down++;
}

static void open_all(void)
{
    struct channel_config config = {.redis_url = server.url, .system = "t"};
    struct err err;

    loop = loop_new();
    ck_assert_int_eq(channel_open(loop, &config, &writer, &err), RC_OK);
    config.subscribe = true;
    config.on_payload = on_payload;
    config.on_gap = on_gap;
    config.on_state = on_state;
    for (int i = 0; i < 2; i++) {
        memset(&readers[i], 0, sizeof(readers[i]));
        config.arg = &readers[i];
        ck_assert_int_eq(channel_open(loop, &config, &readers[i].channel, &err),
                         RC_OK);
    }
}

static bool all_up(void *arg)
{
    (void)arg;
    return readers[0].up && readers[1].up && channel_is_up(writer);
}

static bool all_down(void *arg)
{
    (void)arg;
    return !readers[0].up && !readers[1].up;
}

static void setup(void)
{
    log_init(LOG_OFF, "test", "test");
    signal(SIGPIPE, SIG_IGN);
    real_redis_start(&server, NULL);
    open_all();
    ck_assert(spin_until(loop, all_up, NULL, PATIENCE_MS));
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++)
        channel_close(readers[i].channel);
    channel_close(writer);
    loop_free(loop);
    real_redis_end(&server);
}

struct sent {
    struct channel_publish op;
    char text[16];
    bool done;
    int64_t at_us, took_us;
};

static void on_published(struct channel_publish *op)
{
    struct sent *s = LOOP_OWNER(op, struct sent, op);

    s->done = true;
    s->took_us = clock_mono_us() - s->at_us;
}

static void publish(struct channel *c, struct sent *s, unsigned number)
{
    snprintf(s->text, sizeof(s->text), "%u", number);
    s->done = false;
    s->at_us = clock_mono_us();
    s->op = (struct channel_publish){.done = on_published,
                                     .payload = str_from(s->text)};
    channel_publish(c, &s->op);
}

static bool is_done(void *arg)
{
    return ((struct sent *)arg)->done;
}

static bool has(void *arg)
{
    unsigned n = *(unsigned *)arg;

    return readers[0].n >= n && readers[1].n >= n;
}

START_TEST(comes_up_with_one_gap)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(readers[i].n_gaps, 1);
        ck_assert_uint_eq(readers[i].n_up, 1);
    }
}
END_TEST

START_TEST(every_payload_comes_once_in_order_to_each_reader)
{
    static struct sent sent[300];
    unsigned n = 300;

    /* from three processes' channels; a few at a time, since an attempt has
     * 20 ms, and a busy machine needs more for 300 */
    for (unsigned i = 0; i < n; i++) {
        unsigned so_far = i + 1;
        publish(i % 3 == 0   ? writer
                : i % 3 == 1 ? readers[0].channel
                             : readers[1].channel,
                &sent[i], i);
        if (so_far % 6 == 0)
            ck_assert(spin_until(loop, has, &so_far, PATIENCE_MS));
    }
    ck_assert(spin_until(loop, has, &n, PATIENCE_MS));
    for (unsigned i = 0; i < n; i++) {
        ck_assert(sent[i].done);
        ck_assert_int_eq(sent[i].op.rc, RC_OK);
        ck_assert_uint_eq(readers[0].numbers[i], readers[1].numbers[i]);
    }
    ck_assert_uint_eq(readers[0].last.counter, n);
    ck_assert_uint_ne(readers[0].last.epoch, 0);
    ck_assert_uint_eq(readers[0].n_gaps, 1);
    ck_assert_uint_eq(channel_generation(readers[1].channel).counter, n);
}
END_TEST

START_TEST(answer_names_the_generation)
{
    struct sent a, b;

    publish(writer, &a, 1);
    ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
    publish(writer, &b, 2);
    ck_assert(spin_until(loop, is_done, &b, PATIENCE_MS));
    ck_assert_uint_eq(a.op.gen.epoch, b.op.gen.epoch);
    ck_assert_uint_eq(a.op.gen.counter + 1, b.op.gen.counter);
}
END_TEST

START_TEST(paused_redis_is_told_in_fifty_milliseconds_and_owes_a_gap)
{
    unsigned gaps = readers[0].n_gaps, one = 1;
    struct sent s;

    real_redis_pause(&server);
    publish(writer, &s, 1);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    ck_assert_int_eq(s.op.rc, RC_UNAVAILABLE);
    ck_assert_msg(s.took_us < 5000000, "%lld us", (long long)s.took_us);
    real_redis_go_on(&server);
    ck_assert(spin_until(loop, all_up, NULL, PATIENCE_MS));
    /* it may have got there all the same; a gap is told in any case */
    publish(writer, &s, 2);
    ck_assert(spin_until(loop, has, &one, PATIENCE_MS));
    spin_for(loop, 600);
    ck_assert_uint_gt(readers[0].n_gaps, gaps);
}
END_TEST

START_TEST(long_pause_takes_the_channel_down)
{
    real_redis_pause(&server);
    ck_assert(spin_until(loop, all_down, NULL, PATIENCE_MS));
    ck_assert_uint_eq(channel_generation(readers[0].channel).epoch, 0);
    real_redis_go_on(&server);
    ck_assert(spin_until(loop, all_up, NULL, PATIENCE_MS));
    ck_assert_uint_ge(readers[0].n_gaps, 2);
}
END_TEST

START_TEST(restart_empty_is_a_new_epoch_and_a_gap)
{
    struct generation before, after;
    struct sent s;

    publish(writer, &s, 1);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    before = s.op.gen;
    real_redis_kill(&server);
    ck_assert(spin_until(loop, all_down, NULL, PATIENCE_MS));
    real_redis_restart(&server);
    ck_assert(spin_until(loop, all_up, NULL, PATIENCE_MS));
    publish(writer, &s, 2);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    after = s.op.gen;
    ck_assert_uint_ne(before.epoch, after.epoch);
    ck_assert_uint_ge(readers[0].n_gaps, 2);
    ck_assert_uint_ge(readers[1].n_gaps, 2);
}
END_TEST

START_TEST(counter_lost_without_a_reconnect_is_a_gap)
{
    unsigned gaps;
    struct sent s;

    publish(writer, &s, 1);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    spin_for(loop, 50);
    gaps = readers[0].n_gaps;
    real_redis_tell(&server, "FLUSHALL");
    spin_for(loop, 800); /* a beat finds it, though nothing is published */
    ck_assert_uint_gt(readers[0].n_gaps, gaps);
}
END_TEST

START_TEST(message_that_somebody_else_swallowed_is_a_gap)
{
    unsigned gaps = readers[0].n_gaps;

    real_redis_tell(&server, "HINCRBY datos:{t}:generation c 1");
    spin_for(loop, 800);
    ck_assert_uint_gt(readers[0].n_gaps, gaps);
    gaps = readers[0].n_gaps;
    real_redis_tell(&server, "PUBLISH datos:{t}:rows nonsense");
    spin_for(loop, 100);
    ck_assert_uint_gt(readers[0].n_gaps, gaps);
}
END_TEST

START_TEST(full_redis_still_passes_payloads_on)
{
    unsigned one = 1, gaps = readers[0].n_gaps;
    struct sent s;

    real_redis_tell(&server, "CONFIG SET maxmemory 1");
    publish(writer, &s, 42);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    ck_assert(spin_until(loop, has, &one, PATIENCE_MS));
    ck_assert_uint_eq(readers[0].numbers[0], 42);
    ck_assert_msg(readers[0].n_gaps > gaps, "uncounted, so compare");
    /* no generation stands for it, neither now nor after a beat */
    ck_assert_uint_eq(channel_generation(readers[0].channel).epoch, 0);
    spin_for(loop, 600);
    ck_assert_uint_eq(channel_generation(readers[0].channel).epoch, 0);
    real_redis_tell(&server, "CONFIG SET maxmemory 0");
    publish(writer, &s, 43);
    ck_assert(spin_until(loop, is_done, &s, PATIENCE_MS));
    spin_for(loop, 600);
    ck_assert_uint_ne(channel_generation(readers[0].channel).epoch, 0);
}
END_TEST

START_TEST(close_answers_what_is_pending)
{
    struct sent s;

    real_redis_pause(&server);
    publish(writer, &s, 1);
    channel_close(writer);
    writer = NULL;
    ck_assert(s.done);
    ck_assert_int_ne(s.op.rc, RC_OK);
}
END_TEST

Suite *suite_channel(void)
{
    Suite *s = suite_create("channel");
    TCase *t = tcase_create("channel");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, comes_up_with_one_gap);
    tcase_add_test(t, every_payload_comes_once_in_order_to_each_reader);
    tcase_add_test(t, answer_names_the_generation);
    tcase_add_test(t,
                   paused_redis_is_told_in_fifty_milliseconds_and_owes_a_gap);
    tcase_add_test(t, long_pause_takes_the_channel_down);
    tcase_add_test(t, restart_empty_is_a_new_epoch_and_a_gap);
    tcase_add_test(t, counter_lost_without_a_reconnect_is_a_gap);
    tcase_add_test(t, message_that_somebody_else_swallowed_is_a_gap);
    tcase_add_test(t, full_redis_still_passes_payloads_on);
    tcase_add_test(t, close_answers_what_is_pending);
    suite_add_tcase(s, t);
    return s;
}
