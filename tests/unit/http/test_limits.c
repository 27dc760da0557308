/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and time-outs, made small: each has its status, and who is slow or
 * greedy is cut while others are served. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "harness.h"

static struct harness *h;

static void start(void)
{
    struct http_limits limits;

    http_limits_default(&limits);
    limits.header_bytes = 1024;
    limits.body_bytes = 2048;
    limits.connections = 4;
    limits.header_us = 200 * US_PER_MS;
    limits.body_us = 200 * US_PER_MS;
    limits.idle_us = 300 * US_PER_MS;
    limits.write_us = 300 * US_PER_MS;
    limits.stream_high = 65536;
    h = harness_start(1, &limits);
}

static void stop(void)
{
    harness_stop(h);
}

static void assert_refused(const char *out, const char *status)
{
    ck_assert_msg(strncmp(out, "HTTP/1.1 ", 9) == 0 &&
                      strncmp(out + 9, status, 3) == 0,
                  "expected %s, got: %s", status, out);
    ck_assert_ptr_nonnull(strstr(out, "connection: close"));
}

START_TEST(each_over_limit_has_its_status)
{
    static const struct {
        const char *status, *begin;
        size_t filler;
        const char *end;
    } rows[] = {
        {"414", "GET /", 3000, " HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"431", "GET / HTTP/1.1\r\nHost: a\r\nb: ", 3000, "\r\n\r\n"},
        {"413",
         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n",
         300000, ""},
        {"413",
         "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "900\r\n",
         0x900, "\r\n0\r\n\r\n"},
        {"413",
         "POST /tiny HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
         "\r\n\r\n5\r\n",
         5, "\r\n0\r\n\r\n"},
        {"431",
         "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\nt: ",
         3000, "\r\n\r\n"},
        {"417",
         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
         "Expect: x\r\n\r\n",
         0, ""},
        {"501",
         "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 0,
         ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = client_connect(h);
        char *filler = mem_alloc(rows[i].filler + 1), *out;

        memset(filler, 'x', rows[i].filler);
        client_send(fd, rows[i].begin);
        client_send(fd, filler);
        client_send(fd, rows[i].end);
        out = client_read(fd, 65536, NULL);
        assert_refused(out, rows[i].status);
        mem_free(out);
        mem_free(filler);
        close(fd);
    }
}
END_TEST

/* What came first is exactly the limit: the byte that breaks it comes later. */
START_TEST(a_head_that_waits_at_its_limit_is_read_on)
{
    char text[1025] = "GET / HTTP/1.1\r\nHost: a\r\nb: ";
    size_t len = strlen(text);
    int fd = client_connect(h);
    char *out;

    memset(text + len, 'x', 1024 - len);
    client_send_bytes(fd, text, 1024);
    poll(NULL, 0, 50);
    client_send(fd, "x");
    out = client_read(fd, 65536, NULL);
    assert_refused(out, "431");
    mem_free(out);
    close(fd);
}
END_TEST

START_TEST(a_small_body_over_its_limit_costs_no_connection)
{
    char *out = client_talk(
        h, "POST /tiny HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde"
           "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");

    ck_assert(strncmp(out, "HTTP/1.1 413", 12) == 0);
    ck_assert_ptr_nonnull(strstr(out, "hello"));
    mem_free(out);
}
END_TEST

/* Sends `text` and then a byte each 50 ms; the answer until the close. */
static char *trickle(const char *text, char more, int64_t *took_us)
{
    int fd = client_connect(h);
    int64_t begin = clock_mono_us();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char *out;

    client_send(fd, text);
    while (poll(&p, 1, 50) == 0 && clock_mono_us() < begin + 30 * US_PER_S)
        client_send_bytes(fd, &more, 1);
    *took_us = clock_mono_us() - begin;
    out = client_read(fd, 65536, NULL);
    close(fd);
    return out;
}

START_TEST(a_trickling_head_is_cut)
{
    int64_t took_us;
    char *out = trickle("GET / HTTP/1.1\r\nHost: a\r\nx: ", 'x', &took_us);

    assert_refused(out, "408");
    ck_assert_int_lt(took_us, 20 * US_PER_S);
    mem_free(out);
}
END_TEST

START_TEST(a_silent_head_is_cut)
{
    int fd = client_connect(h);
    char *out;

    client_send(fd, "PRI * HTT");
    out = client_read(fd, 65536, NULL);
    assert_refused(out, "408");
    mem_free(out);
    close(fd);
}
END_TEST

START_TEST(a_silent_body_is_cut)
{
    int fd = client_connect(h);
    char *out;

    client_send(
        fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab");
    out = client_read(fd, 65536, NULL);
    assert_refused(out, "408");
    mem_free(out);
    close(fd);
    harness_wait(&harness_stats(h)->closes, 1);
    ck_assert_int_eq(harness_stats(h)->unanswered, 0);
}
END_TEST

START_TEST(a_trickling_body_is_cut)
{
    int64_t took_us;
    char *out = trickle("POST /echo HTTP/1.1\r\nHost: a\r\n"
                        "Content-Length: 2000\r\n\r\n",
                        'x', &took_us);

    assert_refused(out, "408");
    ck_assert_int_lt(took_us, 20 * US_PER_S);
    mem_free(out);
}
END_TEST

START_TEST(an_idle_connection_is_closed_without_a_word)
{
    int fd = client_connect(h), silent = client_connect(h);
    char *head;

    client_send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    head = client_read_head(fd);
    mem_free(head);
    mem_free(client_read(fd, 5, NULL));
    ck_assert(client_sees_close(fd));
    ck_assert(client_sees_close(silent));
    close(fd);
    close(silent);
}
END_TEST

START_TEST(no_time_out_while_the_application_thinks)
{
    int fd = client_connect(h);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    client_send(fd, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(poll(&p, 1, 900), 0);
    close(fd);
}
END_TEST

START_TEST(who_does_not_read_is_cut)
{
    int fd = client_connect(h), small = 4096;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    client_send(fd, "GET /stream?bytes=90000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_wait(&harness_stats(h)->closes, 1);
    close(fd);
}
END_TEST

START_TEST(who_asks_and_never_reads_is_cut)
{
    int fd = client_connect(h);
    char batch[3600];

    for (size_t i = 0; i + 36 <= sizeof(batch); i += 36)
        memcpy(batch + i, "GET /hello HTTP/1.1\r\nHost: abcd\r\n\r\n", 36);
    for (int i = 0; i < 3000; i++) {
        if (send(fd, batch, sizeof(batch), MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
            break;
    }
    /* Cut or throttled, others are served. */
    char *out = client_talk(h, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(out, "hello"));
    mem_free(out);
    close(fd);
}
END_TEST

START_TEST(connections_beyond_the_cap_hear_503)
{
    int fds[4];
    char *out;

    for (int i = 0; i < 4; i++) {
        fds[i] = client_connect(h);
        client_send(fds[i], "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    harness_wait(&harness_stats(h)->heads, 4);
    out = client_talk(h, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_refused(out, "503");
    ck_assert_ptr_nonnull(strstr(out, "retry-after: 1"));
    mem_free(out);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    poll(NULL, 0, 50);
}
END_TEST

START_TEST(without_descriptors_it_waits_and_goes_on)
{
    struct rlimit old, low;
    int fd = client_connect(h), next, again;
    char *out;

    client_send(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    mem_free(client_read_head(fd));
    next = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = (rlim_t)next + 2;
    again = client_connect(h);
    setrlimit(RLIMIT_NOFILE, &low);
    client_send(again, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    poll(NULL, 0, 30);
    setrlimit(RLIMIT_NOFILE, &old);
    out = client_read_head(again);
    ck_assert(strncmp(out, "HTTP/1.1 200", 12) == 0);
    mem_free(out);
    close(next);
    close(again);
    close(fd);
}
END_TEST

Suite *suite_limits(void)
{
    Suite *s = suite_create("limits");
    TCase *t = tcase_create("sockets");

    tcase_add_checked_fixture(t, start, stop);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, each_over_limit_has_its_status);
    tcase_add_test(t, a_head_that_waits_at_its_limit_is_read_on);
    tcase_add_test(t, a_small_body_over_its_limit_costs_no_connection);
    tcase_add_test(t, a_trickling_head_is_cut);
    tcase_add_test(t, a_silent_head_is_cut);
    tcase_add_test(t, a_silent_body_is_cut);
    tcase_add_test(t, a_trickling_body_is_cut);
    tcase_add_test(t, an_idle_connection_is_closed_without_a_word);
    tcase_add_test(t, no_time_out_while_the_application_thinks);
    tcase_add_test(t, who_does_not_read_is_cut);
    tcase_add_test(t, who_asks_and_never_reads_is_cut);
    tcase_add_test(t, connections_beyond_the_cap_hear_503);
    tcase_add_test(t, without_descriptors_it_waits_and_goes_on);
    suite_add_tcase(s, t);
    return s;
}
