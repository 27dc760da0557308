/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 over real sockets: what a client sees. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"
#include "harness.h"

static struct harness *h;

static void start(void)
{
    h = harness_start(1, NULL);
}

static void stop(void)
{
    harness_stop(h);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

static bool ends_with(const char *text, const char *end)
{
    return str_ends(str_from(text), str_from(end));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

START_TEST(a_request_is_answered_and_the_connection_kept)
{
    int fd = client_connect(h);

    for (int i = 0; i < 3; i++) {
        char *head, *body;

        client_send(fd, GET("/hello"));
        head = client_read_head(fd);
        body = client_read(fd, 5, NULL);
        ck_assert(str_starts(str_from(head), STR("HTTP/1.1 200 OK\r\n")));
        ck_assert_ptr_nonnull(strstr(head, "\r\ncontent-length: 5\r\n"));
        ck_assert_ptr_nonnull(strstr(head, "\r\ncontent-type: text/plain\r\n"));
        ck_assert_ptr_nonnull(strstr(head, " GMT\r\n"));
        ck_assert_ptr_null(strstr(head, "connection:"));
        ck_assert_str_eq(body, "hello");
        mem_free(head);
        mem_free(body);
    }
    close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    char *out = client_talk(
        h, GET("/hello")
               GET("/later") "POST /echo HTTP/1.1"
                             "\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET(
                                 "/304"));
    const char *later = strstr(out, "later"), *echo = strstr(out, "abc");

    ck_assert_uint_eq(count(out, "HTTP/1.1 200 OK"), 3);
    ck_assert_ptr_nonnull(later);
    ck_assert_ptr_nonnull(echo);
    ck_assert(strstr(out, "hello") < later && later < echo);
    ck_assert(echo < strstr(out, "HTTP/1.1 304"));
    mem_free(out);
}
END_TEST

START_TEST(a_thousand_pipelined_requests_are_all_answered)
{
    struct buf all;
    char *out;

    buf_init(&all, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_puts(&all, GET("/hello"));
    out = client_talk(h, all.data);
    ck_assert_uint_eq(count(out, "HTTP/1.1 200 OK"), 1000);
    mem_free(out);
    buf_fini(&all);
}
END_TEST

START_TEST(a_request_in_single_bytes_is_the_same_request)
{
    static const char text[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: u\r\n\r\n";
    int fd = client_connect(h);
    char *out;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        client_send_bytes(fd, text + i, 1);
        if (i % 16 == 0)
            poll(NULL, 0, 1);
    }
    shutdown(fd, SHUT_WR);
    out = client_read(fd, 1 << 16, NULL);
    ck_assert(ends_with(out, "\r\n\r\nabcde"));
    mem_free(out);
    close(fd);
}
END_TEST

START_TEST(large_bodies_go_in_and_out)
{
    size_t len = 1 << 20, got;
    char *body = mem_alloc(len), *head, *back;
    int fd = client_connect(h);

    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 23);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 1048576\r\n\r\n");
    client_send_bytes(fd, body, len);
    head = client_read_head(fd);
    ck_assert_ptr_nonnull(strstr(head, "content-length: 1048576"));
    back = client_read(fd, len, &got);
    ck_assert_uint_eq(got, len);
    ck_assert_mem_eq(back, body, len);
    mem_free(head);
    mem_free(back);
    mem_free(body);
    close(fd);
}
END_TEST

START_TEST(expect_is_answered_before_the_body)
{
    int fd = client_connect(h);
    char *head;

    client_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                    "Expect: 100-continue\r\n\r\n");
    head = client_read_head(fd);
    ck_assert_str_eq(head, "HTTP/1.1 100 Continue\r\n\r\n");
    mem_free(head);
    client_send(fd, "abc");
    head = client_read_head(fd);
    ck_assert(str_starts(str_from(head), STR("HTTP/1.1 200")));
    mem_free(head);
    close(fd);
}
END_TEST

START_TEST(a_refusal_comes_instead_of_100)
{
    int fd = client_connect(h);
    char *out;

    client_send(fd, "POST /head-403 HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    out = client_read(fd, 1 << 16, NULL);
    ck_assert(str_starts(str_from(out), STR("HTTP/1.1 403")));
    ck_assert_ptr_nonnull(strstr(out, "connection: close"));
    ck_assert_ptr_null(strstr(out, "100 Continue"));
    mem_free(out);
    close(fd);
}
END_TEST

START_TEST(an_answer_at_the_head_keeps_the_connection_if_the_body_is_small)
{
    char *out = client_talk(h, "POST /head-403 HTTP/1.1\r\nHost: a\r\n"
                               "Content-Length: 3\r\n\r\nabc" GET("/hello"));

    ck_assert_uint_eq(count(out, "HTTP/1.1 403"), 1);
    ck_assert(ends_with(out, "hello"));
    mem_free(out);
}
END_TEST

START_TEST(an_answer_at_the_head_reaches_who_sends_much)
{
    int fd = client_connect(h);
    char *body = mem_alloc(900000), *out;

    client_send(fd, "POST /head-403 HTTP/1.1\r\nHost: a\r\n"
                    "Content-Length: 900000\r\n\r\n");
    client_send_bytes(fd, body, 900000);
    out = client_read(fd, 1 << 16, NULL);
    ck_assert(str_starts(str_from(out), STR("HTTP/1.1 403")));
    ck_assert_ptr_nonnull(strstr(out, "connection: close"));
    mem_free(out);
    mem_free(body);
    close(fd);
}
END_TEST

START_TEST(head_has_the_length_and_no_body)
{
    char *out = client_talk(
        h, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n"
           "HEAD /stream?bytes=9 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/204")
               GET("/304"));

    ck_assert_uint_eq(count(out, "HTTP/1.1 200"), 2);
    ck_assert_uint_eq(count(out, "content-length: 5"), 1);
    ck_assert_uint_eq(count(out, "transfer-encoding: chunked"), 1);
    ck_assert_ptr_null(strstr(out, "hello"));
    ck_assert_ptr_null(strstr(out, "dropped"));
    ck_assert_uint_eq(count(out, "\r\n\r\nHTTP/1.1 "), 3);
    ck_assert_uint_eq(count(out, "content-type"), 1); /* not on the 304 */
    ck_assert_uint_eq(count(out, "etag: \"1\""), 1);
    mem_free(out);
}
END_TEST

START_TEST(http_1_0_closes_unless_asked)
{
    char *out = client_talk(h, "GET /hello HTTP/1.0\r\n\r\n" GET("/hello"));

    ck_assert_uint_eq(count(out, "HTTP/1.1 200"), 1);
    ck_assert_uint_eq(count(out, "connection: close"), 1);
    mem_free(out);
    out = client_talk(h, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                         "GET /stream?bytes=3 HTTP/1.0\r\n\r\n");
    ck_assert_uint_eq(count(out, "HTTP/1.1 200"), 2);
    ck_assert_uint_eq(count(out, "connection: keep-alive"), 1);
    ck_assert_ptr_null(strstr(out, "transfer-encoding"));
    mem_free(out);
}
END_TEST

START_TEST(fields_are_found_and_joined)
{
    char *out = client_talk(
        h, "GET http://h:1/fields?a=b HTTP/1.1\r\nHost: a\r\nAccept: x\r\n"
           "Cookie: c=1\r\nACCEPT: y\r\nCookie: d=2\r\n\r\n");

    ck_assert_ptr_nonnull(strstr(out, "target=http://h:1/fields?a=b\n"
                                      "path=/fields\nquery=a=b\nhost=h:1\n"
                                      "accept=x, y\ncookie=c=1; d=2\n"
                                      "peer=127.0.0.1\nabsent=1\n"));
    mem_free(out);
}
END_TEST

START_TEST(a_field_that_would_split_the_answer_is_left_out)
{
    char *out = client_talk(h, GET("/evil"));

    ck_assert_ptr_null(strstr(out, "set-cookie"));
    ck_assert(ends_with(out, "ok"));
    mem_free(out);
}
END_TEST

START_TEST(a_second_answer_is_dropped)
{
    char *out = client_talk(h, GET("/twice"));

    ck_assert(ends_with(out, "one"));
    mem_free(out);
}
END_TEST

START_TEST(what_may_smuggle_is_refused_and_closed)
{
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nx : y\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "zz\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
        "GET / HTTP/1.1\nHost: a\n\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int fd = client_connect(h);
        char *out;

        client_send(fd, texts[i]);
        client_send(fd, GET("/hello"));
        out = client_read(fd, 1 << 16, NULL);
        ck_assert_msg(count(out, "content-length:") == 1 &&
                          (strstr(out, "HTTP/1.1 400 Bad Request\r\n") == out ||
                           strstr(out, "HTTP/1.1 505") == out),
                      "%zu: %s", i, out);
        ck_assert_ptr_nonnull(strstr(out, "connection: close"));
        ck_assert_ptr_nonnull(strstr(out, "content-type: text/plain"));
        mem_free(out);
        close(fd);
    }
}
END_TEST

START_TEST(a_body_cut_short_is_refused)
{
    char *out = client_talk(h, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                               "Content-Length: 9\r\n\r\nabc");

    ck_assert(str_starts(str_from(out), STR("HTTP/1.1 400")));
    mem_free(out);
}
END_TEST

START_TEST(who_leaves_while_we_think_is_let_go)
{
    int fd = client_connect(h);

    client_send(fd, GET("/later"));
    harness_wait(&harness_stats(h)->heads, 1);
    close(fd);
    harness_wait(&harness_stats(h)->closes, 1);
}
END_TEST

START_TEST(who_resets_while_we_think_is_noticed)
{
    struct linger hard = {1, 0};
    int fd = client_connect(h);

    client_send(fd, GET("/never"));
    harness_wait(&harness_stats(h)->heads, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
    harness_wait(&harness_stats(h)->closes, 1);
    ck_assert_int_eq(harness_stats(h)->unanswered, 1);
}
END_TEST

START_TEST(an_abort_closes)
{
    char *out = client_talk(h, GET("/abort"));

    ck_assert_str_eq(out, "");
    mem_free(out);
    out = client_talk(h, GET("/half"));
    ck_assert(!ends_with(out, "0\r\n\r\n"));
    mem_free(out);
}
END_TEST

Suite *suite_h1(void)
{
    Suite *s = suite_create("h1");
    TCase *t = tcase_create("sockets");

    tcase_add_checked_fixture(t, start, stop);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_request_is_answered_and_the_connection_kept);
    tcase_add_test(t, pipelined_requests_are_answered_in_order);
    tcase_add_test(t, a_thousand_pipelined_requests_are_all_answered);
    tcase_add_test(t, a_request_in_single_bytes_is_the_same_request);
    tcase_add_test(t, large_bodies_go_in_and_out);
    tcase_add_test(t, expect_is_answered_before_the_body);
    tcase_add_test(t, a_refusal_comes_instead_of_100);
    tcase_add_test(
        t, an_answer_at_the_head_keeps_the_connection_if_the_body_is_small);
    tcase_add_test(t, an_answer_at_the_head_reaches_who_sends_much);
    tcase_add_test(t, head_has_the_length_and_no_body);
    tcase_add_test(t, http_1_0_closes_unless_asked);
    tcase_add_test(t, fields_are_found_and_joined);
    tcase_add_test(t, a_field_that_would_split_the_answer_is_left_out);
    tcase_add_test(t, a_second_answer_is_dropped);
    tcase_add_test(t, what_may_smuggle_is_refused_and_closed);
    tcase_add_test(t, a_body_cut_short_is_refused);
    tcase_add_test(t, who_leaves_while_we_think_is_let_go);
    tcase_add_test(t, who_resets_while_we_think_is_noticed);
    tcase_add_test(t, an_abort_closes);
    suite_add_tcase(s, t);
    return s;
}
