/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, against a real Redis that is stopped, paused, killed and
 * brought back, and against one that talks nonsense. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cache/redis.h"
#include "common/log.h"
#include "real_redis.h"
#include "spin.h"

static struct real_redis server;
static struct loop *loop;
static struct redis_url url;
static struct redis *redis;
static unsigned n_up, n_down;

static void on_state(bool up, void *arg)
{
    (void)arg;
    if (up)
        n_up++;
    else
        n_down++;
}

static void connect_to(const char *text)
{
    struct redis_config config = {.url = &url, .on_state = on_state};
    struct err err = {0};

    config.what = "test";
    ck_assert_msg(redis_url_parse(str_from(text), &url, &err) == RC_OK, "%s",
                  err.text);
    loop = loop_new();
    redis = redis_new(loop, &config);
}

static void setup(void)
{
    log_init(LOG_OFF, "test", "test");
    signal(SIGPIPE, SIG_IGN);
    real_redis_start(&server, NULL);
    connect_to(server.url);
}

static void teardown(void)
{
    redis_free(redis);
    redis_url_fini(&url);
    loop_free(loop);
    real_redis_end(&server);
}

static bool is_up(void *arg)
{
    return redis_is_up(redis) == *(bool *)arg;
}

static void wait_up(bool up)
{
    ck_assert_msg(spin_until(loop, is_up, &up, PATIENCE_MS), "up: %d", up);
}

struct asked {
    struct redis_command command;
    unsigned n_done;
    bool is_hasty; /* has the connection's own deadline of milliseconds */
    int64_t took_us, sent_us;
    char text[64];
};

static void on_done(struct redis_command *command)
{
    struct asked *a = LOOP_OWNER(command, struct asked, command);

    a->n_done++;
    a->took_us = clock_mono_us() - a->sent_us;
    if (command->rc == RC_OK && command->reply.text.p)
        snprintf(a->text, sizeof(a->text), "%.*s",
                 STR_ARG(command->reply.text));
}

static void ask(struct asked *a, const char *one, const char *two,
                const char *three)
{
    struct str words[3] = {str_from(one), str_from(two), str_from(three)};

    a->command.done = on_done;
    if (!a->is_hasty && !a->command.timeout_us)
        a->command.timeout_us = PATIENCE_MS * US_PER_MS;
    a->sent_us = clock_mono_us();
    redis_send(redis, &a->command, words, three ? 3 : two ? 2 : 1);
    ck_assert_msg(a->n_done == 0, "done came before the call returned");
}

static bool is_done(void *arg)
{
    return ((struct asked *)arg)->n_done > 0;
}

START_TEST(commands_are_pipelined_and_answered_in_order)
{
    struct asked set[50] = {0}, get[50] = {0};

    wait_up(true);
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        ask(&set[i], "SET", key, key);
        ask(&get[i], "GET", key, NULL);
    }
    ck_assert(spin_until(loop, is_done, &get[49], PATIENCE_MS));
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        ck_assert_uint_eq(set[i].n_done + get[i].n_done, 2);
        ck_assert_int_eq(get[i].command.rc, RC_OK);
        ck_assert_str_eq(get[i].text, key);
    }
}
END_TEST

START_TEST(error_of_redis_is_an_answer)
{
    struct asked a = {0};

    wait_up(true);
    ask(&a, "NONSENSE", NULL, NULL);
    ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
    ck_assert_int_eq(a.command.rc, RC_OK);
    ck_assert_int_eq(a.command.reply.type, REDIS_ERROR);
}
END_TEST

START_TEST(paused_redis_costs_milliseconds_then_nothing)
{
    bool down = false;

    wait_up(true);
    real_redis_pause(&server);
    for (int i = 0; i < 3; i++) {
        struct asked a = {.is_hasty = true};
        ask(&a, "PING", NULL, NULL);
        ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
        ck_assert_int_eq(a.command.rc, RC_TIMEOUT);
        ck_assert_int_ge(a.took_us, 7000);
        ck_assert_msg(a.took_us < 5000000, "%lld us", (long long)a.took_us);
    }
    /* given up: from then on at once */
    ck_assert(spin_until(loop, is_up, &down, PATIENCE_MS));
    for (int i = 0; i < 20; i++) {
        struct asked a = {0};
        ask(&a, "PING", NULL, NULL);
        ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
        ck_assert_int_eq(a.command.rc, RC_UNAVAILABLE);
        ck_assert_int_lt(a.took_us, 5000000);
    }
    real_redis_go_on(&server);
    wait_up(true);
    {
        struct asked a = {0};
        ask(&a, "ECHO", "well", NULL);
        ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
        ck_assert_str_eq(a.text, "well");
    }
}
END_TEST

START_TEST(late_answer_is_thrown_away_and_not_taken_for_another)
{
    struct asked late = {.is_hasty = true}, next = {0};

    wait_up(true);
    real_redis_pause(&server);
    ask(&late, "ECHO", "late", NULL);
    ck_assert(spin_until(loop, is_done, &late, PATIENCE_MS));
    ck_assert_int_eq(late.command.rc, RC_TIMEOUT);
    ask(&next, "ECHO", "next", NULL);
    real_redis_go_on(&server);
    ck_assert(spin_until(loop, is_done, &next, PATIENCE_MS));
    ck_assert_int_eq(next.command.rc, RC_OK);
    ck_assert_str_eq(next.text, "next");
    ck_assert_uint_eq(late.n_done, 1);
}
END_TEST

START_TEST(killed_redis_answers_what_was_pending_and_is_found_again)
{
    struct asked a = {0};

    wait_up(true);
    real_redis_pause(&server);
    ask(&a, "PING", NULL, NULL);
    real_redis_kill(&server);
    ck_assert(spin_until(loop, is_done, &a, PATIENCE_MS));
    ck_assert_int_eq(a.command.rc, RC_UNAVAILABLE);
    wait_up(false);
    real_redis_restart(&server);
    wait_up(true);
    ck_assert_uint_eq(n_up, 2);
    ck_assert_uint_eq(n_down, 1);
}
END_TEST

START_TEST(password_is_given_and_a_wrong_one_is_no_crash)
{
    struct real_redis guarded;
    struct err err;

    wait_up(true);
    real_redis_start(&guarded, "sesame");
    redis_free(redis);
    redis_url_fini(&url);
    loop_free(loop);
    connect_to(guarded.url);
    wait_up(true);
    redis_free(redis);
    redis_url_fini(&url);
    loop_free(loop);
    connect_to("unix://:wrong@/nowhere");
    spin_for(loop, 50);
    ck_assert(!redis_is_up(redis));
    ck_assert_int_eq(redis_url_parse(STR("http://a"), &url, &err), RC_INVALID);
    real_redis_end(&guarded);
}
END_TEST

START_TEST(commands_pending_at_the_end_are_cancelled)
{
    struct asked a = {0};

    wait_up(true);
    real_redis_pause(&server);
    ask(&a, "PING", NULL, NULL);
    redis_free(redis);
    ck_assert_uint_eq(a.n_done, 1);
    ck_assert_int_eq(a.command.rc, RC_CANCELLED);
    redis = NULL;
}
END_TEST

/* Something that is no Redis listens: greets with nonsense. */
START_TEST(nonsense_is_a_connection_that_never_comes_up)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char text[128];

    redis_free(redis);
    redis_url_fini(&url);
    loop_free(loop);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/n", server.folder);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    snprintf(text, sizeof(text), "unix://%s", at.sun_path);
    connect_to(text);
    for (int i = 0; i < 20; i++) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            ck_assert_int_eq(write(fd, "HTTP/1.1 400 Bad\r\n\r\n", 20), 20);
            close(fd);
        }
        spin_for(loop, 10);
        ck_assert(!redis_is_up(redis));
    }
    close(listener);
    unlink(at.sun_path);
}
END_TEST

Suite *suite_redis(void)
{
    Suite *s = suite_create("redis");
    TCase *t = tcase_create("redis");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, commands_are_pipelined_and_answered_in_order);
    tcase_add_test(t, error_of_redis_is_an_answer);
    tcase_add_test(t, paused_redis_costs_milliseconds_then_nothing);
    tcase_add_test(t, late_answer_is_thrown_away_and_not_taken_for_another);
    tcase_add_test(t, killed_redis_answers_what_was_pending_and_is_found_again);
    tcase_add_test(t, password_is_given_and_a_wrong_one_is_no_crash);
    tcase_add_test(t, commands_pending_at_the_end_are_cancelled);
    tcase_add_test(t, nonsense_is_a_connection_that_never_comes_up);
    suite_add_tcase(s, t);
    return s;
}
