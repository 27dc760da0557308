/* SPDX-License-Identifier: Apache-2.0 */
/* Streams in and out, back-pressure, draining, several loops. */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "harness.h"

static struct harness *h;

static void start(void)
{
    h = harness_start(1, NULL);
}

static void start_two(void)
{
    h = harness_start(2, NULL);
}

static void stop(void)
{
    harness_stop(h);
}

/* Bytes of data in a chunked body; asserts its framing. */
static size_t dechunk(const char *p, size_t len)
{
    size_t total = 0, at = 0;

    for (;;) {
        char *end;
        size_t n = strtoul(p + at, &end, 16);

        ck_assert_mem_eq(end, "\r\n", 2);
        at = (size_t)(end - p) + 2 + n + 2;
        ck_assert_uint_le(at, len);
        ck_assert_mem_eq(p + at - 2, "\r\n", 2);
        if (n == 0)
            break;
        total += n;
    }
    ck_assert_uint_eq(at, len);
    return total;
}

START_TEST(a_long_stream_arrives_whole)
{
    int fd = client_connect(h);
    char *head, *body;
    size_t got;

    client_send(fd, "GET /stream?bytes=20000000 HTTP/1.1\r\nHost: a\r\n"
                    "Connection: close\r\n\r\n");
    head = client_read_head(fd);
    ck_assert_ptr_nonnull(strstr(head, "transfer-encoding: chunked"));
    body = client_read(fd, 30000000, &got);
    ck_assert_uint_eq(dechunk(body, got), 20000000);
    mem_free(head);
    mem_free(body);
    close(fd);
}
END_TEST

START_TEST(a_stream_may_follow_another_on_one_connection)
{
    int fd = client_connect(h);

    for (int i = 0; i < 3; i++) {
        char *head, *body;
        client_send(fd, "GET /stream?bytes=4 HTTP/1.1\r\nHost: a\r\n\r\n");
        head = client_read_head(fd);
        body = client_read(fd, 14, NULL);
        ck_assert_int_eq(strncmp(body, "4\r\nst", 5), 0);
        mem_free(head);
        mem_free(body);
    }
    close(fd);
}
END_TEST

START_TEST(a_streamed_body_is_seen_as_it_comes)
{
    int fd = client_connect(h);
    char *out, *block = mem_alloc(100000);

    client_send(fd, "POST /sink HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 3000000\r\n\r\n");
    for (int i = 0; i < 30; i++)
        client_send_bytes(fd, block, 100000);
    out = client_read_head(fd);
    ck_assert(strncmp(out, "HTTP/1.1 200", 12) == 0);
    ck_assert_int_eq(harness_stats(h)->sunk, 3000000);
    mem_free(out);
    mem_free(block);
    close(fd);
}
END_TEST

START_TEST(a_paused_body_slows_its_sender_and_arrives_whole)
{
    int fd = client_connect(h);
    char *out, *block = mem_alloc(100000);

    client_send(fd, "POST /slow-sink HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 3000000\r\n\r\n");
    for (int i = 0; i < 30; i++)
        client_send_bytes(fd, block, 100000);
    out = client_read_head(fd);
    ck_assert(strncmp(out, "HTTP/1.1 200", 12) == 0);
    ck_assert_int_eq(harness_stats(h)->sunk, 3000000);
    ck_assert_int_eq(harness_stats(h)->ends, 1);
    mem_free(out);
    mem_free(block);
    close(fd);
}
END_TEST

START_TEST(an_answer_may_flow_while_the_question_does)
{
    int fd = client_connect(h);
    char *head, *part;

    client_send(fd, "POST /mirror HTTP/1.1\r\nHost: a\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    head = client_read_head(fd);
    part = client_read(fd, 8, NULL);
    ck_assert_str_eq(part, "3\r\nabc\r\n");
    mem_free(head);
    mem_free(part);
    client_send(fd, "2\r\nde\r\n0\r\n\r\n");
    part = client_read(fd, 12, NULL);
    ck_assert_str_eq(part, "2\r\nde\r\n0\r\n\r\n");
    mem_free(part);
    close(fd);
}
END_TEST

START_TEST(draining_answers_what_is_in_flight_and_closes_the_rest)
{
    int idle = client_connect(h), busy = client_connect(h), late;
    char *out;

    client_send(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    mem_free(client_read_head(idle));
    mem_free(client_read(idle, 5, NULL));
    client_send(busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_wait(&harness_stats(h)->heads, 2);
    /* It has sent, and the server may not have looked yet. */
    late = client_connect(h);
    client_send(late, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_drain(h, 5 * US_PER_S);
    ck_assert(client_sees_close(idle));
    out = client_read(busy, 65536, NULL);
    ck_assert_ptr_nonnull(strstr(out, "connection: close"));
    ck_assert_ptr_nonnull(strstr(out, "later"));
    mem_free(out);
    out = client_read(late, 65536, NULL);
    ck_assert_ptr_nonnull(strstr(out, "hello"));
    mem_free(out);
    harness_wait(&harness_stats(h)->drained, 1);
    close(idle);
    close(busy);
    close(late);
}
END_TEST

START_TEST(draining_cuts_what_outlives_the_grace)
{
    int fd = client_connect(h);

    client_send(fd, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_wait(&harness_stats(h)->heads, 1);
    harness_drain(h, 50 * US_PER_MS);
    ck_assert(client_sees_close(fd));
    harness_wait(&harness_stats(h)->drained, 1);
    ck_assert_int_eq(harness_stats(h)->unanswered, 1);
    close(fd);
}
END_TEST

static void *ask_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        char *out = client_talk(
            h, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
               "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
               "GET /stream?bytes=99999 HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_ptr_nonnull(strstr(out, "later"));
        mem_free(out);
    }
    return NULL;
}

START_TEST(two_loops_serve_side_by_side)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_often, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(harness_stats(h)->heads, 480);
    harness_drain(h, US_PER_S);
    harness_wait(&harness_stats(h)->drained, 2);
}
END_TEST

Suite *suite_stream(void)
{
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("one loop"), *two = tcase_create("two loops");

    tcase_add_checked_fixture(t, start, stop);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_long_stream_arrives_whole);
    tcase_add_test(t, a_stream_may_follow_another_on_one_connection);
    tcase_add_test(t, a_streamed_body_is_seen_as_it_comes);
    tcase_add_test(t, a_paused_body_slows_its_sender_and_arrives_whole);
    tcase_add_test(t, an_answer_may_flow_while_the_question_does);
    tcase_add_test(t, draining_answers_what_is_in_flight_and_closes_the_rest);
    tcase_add_test(t, draining_cuts_what_outlives_the_grace);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(two, start_two, stop);
    tcase_set_timeout(two, 60);
    tcase_add_test(two, two_loops_serve_side_by_side);
    suite_add_tcase(s, two);
    return s;
}
