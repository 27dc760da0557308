/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 with small limits: what is too much, too slow, or a flood. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "h2_client.h"

static void start_small(void)
{
    struct http_limits limits;

    http_limits_default(&limits);
    limits.header_bytes = 1024;
    limits.body_bytes = 2048;
    limits.header_us = 200 * US_PER_MS;
    limits.body_us = 200 * US_PER_MS;
    limits.idle_us = 300 * US_PER_MS;
    limits.write_us = 300 * US_PER_MS;
    limits.h2_streams = 8;
    h = harness_start(1, &limits);
    c = client_new(true);
}

static void stop(void)
{
    client_free();
    harness_stop(h);
}
START_TEST(limits_have_their_status)
{
    char *large = mem_alloc(3001);
    struct stream *s;

    memset(large, 'x', 3000);
    s = stream_of(ask_with("GET", "/hello", 0, "x", large));
    run_until(&s->closed);
    ck_assert_int_eq(s->status, 431);
    ck_assert_int_eq(talk("POST", "/echo", 3000)->status, 413);
    ck_assert_int_eq(talk("POST", "/tiny", 5)->status, 413);
    ck_assert_int_eq(talk("GET", "/hel#lo", 0)->status, 400);
    ck_assert_str_eq(talk("GET", "/hello", 0)->data, "hello");
    mem_free(large);
}
END_TEST

START_TEST(a_silent_body_is_cut_and_a_silent_stream_is_not)
{
    struct stream *talking = ask_stalled("/mirror");
    struct stream *s = ask_stalled("/echo");

    run_until(&s->closed);
    ck_assert_int_eq(s->status, 408);
    run_for(500000);
    ck_assert(!talking->closed && !c->broken && !c->goaway);
}
END_TEST

START_TEST(an_idle_connection_is_told_and_closed)
{
    talk("GET", "/hello", 0);
    run_until(&c->broken);
    ck_assert(c->broken && c->goaway);
    ck_assert_uint_eq(c->goaway_error, NGHTTP2_NO_ERROR);
}
END_TEST

START_TEST(a_reader_that_gives_no_window_is_cut)
{
    struct stream *s;

    client_free();
    c = client_new(false);
    s = stream_of(ask("GET", "/stream?bytes=200000", 0));
    run_until(&s->closed);
    ck_assert(s->closed);
    ck_assert_uint_eq(s->error, NGHTTP2_CANCEL);
    run_until(&c->goaway); /* its only stream: the connection goes too */
    ck_assert_uint_eq(c->goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
}
END_TEST

static void send_frame(uint8_t type, uint8_t flags, uint8_t stream, size_t len)
{
    uint8_t frame[9 + 256] = {0, 0, (uint8_t)len, type, flags, 0, 0, 0, stream};

    memset(frame + 9, 0, len);
    client_send_bytes(c->fd, frame, 9 + len);
}

START_TEST(floods_end_the_connection_and_nobody_else)
{
    static const struct {
        uint8_t type, flags;
        size_t len;
    } floods[] = {{6, 0, 8} /* PING */, {4, 0, 0} /* SETTINGS */};

    for (size_t i = 0; i < 2; i++) {
        const uint8_t *out;
        ssize_t n;

        client_free();
        c = client_new(true);
        while ((n = nghttp2_session_mem_send(c->session, &out)) > 0)
            client_send_bytes(c->fd, out, (size_t)n);
        for (int k = 0; k < 20000; k++)
            send_frame(floods[i].type, floods[i].flags, 0, floods[i].len);
        close(c->fd);
        c->fd = client_connect(h);
    }
    client_free();
    c = client_new(true);
    ck_assert_str_eq(talk("GET", "/hello", 0)->data, "hello");
}
END_TEST

START_TEST(a_header_block_without_end_is_cut)
{
    const uint8_t *out;
    ssize_t n;
    char byte;

    while ((n = nghttp2_session_mem_send(c->session, &out)) > 0)
        client_send_bytes(c->fd, out, (size_t)n);
    send_frame(1, 0, 1, 0); /* HEADERS without END_HEADERS */
    for (int k = 0; k < 100; k++) {
        send_frame(9, 0, 1, 0); /* CONTINUATION */
        poll(NULL, 0, 5);
    }
    while (recv(c->fd, &byte, 1, 0) == 1)
        ;
    ck_assert_int_ne(errno, EAGAIN);
    ck_assert_int_eq(harness_stats(h)->heads, 0);
}
END_TEST

Suite *suite_h2_limits(void)
{
    Suite *s = suite_create("h2_limits");
    TCase *small = tcase_create("sockets");

    tcase_add_checked_fixture(small, start_small, stop);
    tcase_set_timeout(small, 30);
    tcase_add_test(small, limits_have_their_status);
    tcase_add_test(small, a_silent_body_is_cut_and_a_silent_stream_is_not);
    tcase_add_test(small, an_idle_connection_is_told_and_closed);
    tcase_add_test(small, a_reader_that_gives_no_window_is_cut);
    tcase_add_test(small, floods_end_the_connection_and_nobody_else);
    tcase_add_test(small, a_header_block_without_end_is_cut);
    suite_add_tcase(s, small);
    return s;
}
