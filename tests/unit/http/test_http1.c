/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads: what is understood, what is refused, and that the way the
 * bytes arrive changes neither. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/http1.h"

enum {
    LIMIT = 1024
};

struct parsed {
    int status;
    struct http_head head;
    struct http_field_at fields[HTTP_MAX_FIELDS];
    char bytes[4096];
};

/* Parses text[0..len), handed to the scan `step` bytes at a time. Status -1:
 * the head is not complete. */
static void parse(struct parsed *p, const char *text, size_t len, size_t step)
{
    struct http1_scan scan = {0};
    const char *detail = NULL;
    size_t head_len = 0;

    memset(p, 0, sizeof(*p));
    for (size_t n = step < len ? step : len; n <= len; n += step) {
        p->status = http1_scan(&scan, text, n, LIMIT, &head_len, &detail);
        if (p->status || head_len || n == len)
            break;
        if (n + step > len)
            step = len - n;
    }
    if (p->status) {
        ck_assert_ptr_nonnull(detail);
        return;
    }
    if (!head_len) {
        p->status = -1;
        return;
    }
    memcpy(p->bytes, text, head_len);
    p->head.fields = p->fields;
    p->head.n_fields_max = HTTP_MAX_FIELDS;
    p->status = http1_parse_head(&p->head, p->bytes, head_len, &detail);
    if (p->status)
        ck_assert_ptr_nonnull(detail);
}

static int status_of(const char *text)
{
    struct parsed whole, split;

    parse(&whole, text, strlen(text), 65536);
    for (size_t step = 1; step < 8; step++) {
        parse(&split, text, strlen(text), step);
        ck_assert_int_eq(whole.status, split.status);
        if (whole.status)
            continue;
        ck_assert_mem_eq(whole.bytes, split.bytes, sizeof(whole.bytes));
        ck_assert_uint_eq(whole.head.n_fields, split.head.n_fields);
        ck_assert_mem_eq(whole.fields, split.fields, sizeof(whole.fields));
    }
    return whole.status;
}

struct head_case {
    int status;
    const char *text;
};

#define HOST "Host: a\r\n"
static const struct head_case cases[] = {
    {0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {0, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {0, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400,
     "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {-1, "GET / HTTP/1.1\r\nHost: a\r\n"},
    {-1, "G"},
    /* request line */
    {0, "get / HTTP/1.1\r\n" HOST "\r\n"}, /* a method of its own */
    {0, "M-SEARCH / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GE(T / HTTP/1.1\r\n" HOST "\r\n"},
    {400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
    {400, "GET /\tHTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET / a HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /\r\n" HOST "\r\n"},
    {400, "GET\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "\n"},
    {400, "\nGET / HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /\rx HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /#top HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET foo HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
    {0, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
    {501, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"},
    {0, "GET http://a/b HTTP/1.1\r\n" HOST "\r\n"},
    {0, "GET HTTPS://a?x HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET http:///b HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET http://u@a/b HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET ftp://a/b HTTP/1.1\r\n" HOST "\r\n"},
    {0, "GET /\xc3\xb1 HTTP/1.1\r\n" HOST "\r\n"},
    {400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"},
    /* versions */
    {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
    {505, "GET / HTTP/0.9\r\n" HOST "\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\n"},
    {0, "GET / HTTP/1.2\r\n" HOST "\r\n"},
    {0, "GET / HTTP/1.0\r\n\r\n"},
    {400, "GET / HTTP/1.10\r\n" HOST "\r\n"},
    {400, "GET / HTTP/11\r\n" HOST "\r\n"},
    {400, "GET / http/1.1\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.\r\n" HOST "\r\n"},
    {400, "GET / HTTP\r\n" HOST "\r\n"},
    /* Host */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
    {400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    /* fields */
    {0, "GET / HTTP/1.1\r\n" HOST "a:\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" HOST "a: \t b \t\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a : b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\r\n c\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n a: b\r\n" HOST "\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\r\n\tc\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\rc: d\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\nc: d\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\x01\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a: b\x7f\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a(b: c\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" HOST "a\xc3\xb1: c\r\n\r\n"},
    {0, "GET / HTTP/1.1\r\n" HOST "a: \xc3\xb1\r\n\r\n"},
    /* framing: what smuggles */
    {0, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"},
    {0, "POST / HTTP/1.1\r\n" HOST "Content-Length: 007\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"},
    {400,
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\n"},
    {0, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"},
    {501,
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, id\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
          "chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"},
    /* Expect */
    {0, "POST / HTTP/1.1\r\n" HOST
        "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"},
    {417,
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 200-ok\r\n\r\n"},
};

START_TEST(each_head_gets_its_status)
{
    ck_assert_msg(status_of(cases[_i].text) == cases[_i].status,
                  "case %d: expected %d, got %d for:\n%s", _i, cases[_i].status,
                  status_of(cases[_i].text), cases[_i].text);
}
END_TEST

START_TEST(a_nul_in_a_head_is_refused)
{
    static const char in_value[] = "GET / HTTP/1.1\r\nHost: a\r\nb: \0\r\n\r\n";
    static const char in_name[] = "GET / HTTP/1.1\r\nHost: a\r\nb\0: c\r\n\r\n";
    static const char in_target[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    struct parsed p;

    parse(&p, in_value, sizeof(in_value) - 1, 65536);
    ck_assert_int_eq(p.status, 400);
    parse(&p, in_name, sizeof(in_name) - 1, 65536);
    ck_assert_int_eq(p.status, 400);
    parse(&p, in_target, sizeof(in_target) - 1, 65536);
    ck_assert_int_eq(p.status, 400);
}
END_TEST

static void assert_span(const struct parsed *p, struct http_span span,
                        const char *text)
{
    ck_assert_uint_eq(span.len, strlen(text));
    ck_assert_mem_eq(p->bytes + span.at, text, span.len);
}

START_TEST(a_head_is_taken_apart)
{
    static const char text[] = "POST /a/b?c=d&e HTTP/1.1\r\nHOST: h:1\r\n"
                               "X-Some: \t v w \r\nContent-Length: 12\r\n"
                               "Connection: x, Close\r\n\r\nBODY";
    struct parsed p;

    parse(&p, text, sizeof(text) - 1, 3);
    ck_assert_int_eq(p.status, 0);
    ck_assert_int_eq(p.head.method, HTTP_POST);
    assert_span(&p, p.head.target, "/a/b?c=d&e");
    assert_span(&p, p.head.path, "/a/b");
    ck_assert(p.head.has_query);
    assert_span(&p, p.head.query, "c=d&e");
    ck_assert_uint_eq(p.head.n_fields, 4);
    assert_span(&p, p.fields[0].name, "host");
    assert_span(&p, p.fields[0].value, "h:1");
    assert_span(&p, p.fields[1].name, "x-some");
    assert_span(&p, p.fields[1].value, "v w");
    ck_assert_uint_eq(p.head.known[HTTP_K_HOST], 1);
    ck_assert_uint_eq(p.head.known[HTTP_K_CONTENT_LENGTH], 3);
    ck_assert_uint_eq(p.head.known[HTTP_K_ACCEPT], 0);
    ck_assert_uint_eq(p.head.length, 12);
    ck_assert(p.head.has_length && !p.head.chunked && !p.head.keep_alive);
}
END_TEST

START_TEST(an_absolute_target_names_its_authority)
{
    static const char text[] =
        "GET http://example.org:81?q HTTP/1.1\r\nHost: other\r\n\r\n";
    struct parsed p;

    parse(&p, text, sizeof(text) - 1, 65536);
    ck_assert_int_eq(p.status, 0);
    assert_span(&p, p.head.authority, "example.org:81");
    ck_assert_uint_eq(p.head.path.len, 0);
    assert_span(&p, p.head.query, "q");
}
END_TEST

START_TEST(keep_alive_follows_version_and_field)
{
    static const struct {
        bool keep;
        const char *text;
    } rows[] = {
        {true, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\n"
                "Connection: CLOSE\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\n\r\n"},
        {true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"},
    };
    struct parsed p;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parse(&p, rows[i].text, strlen(rows[i].text), 65536);
        ck_assert_int_eq(p.status, 0);
        ck_assert_int_eq(p.head.keep_alive, rows[i].keep);
    }
}
END_TEST

/* A head with a target and a field of these lengths. */
static char *sized_head(size_t target, size_t value)
{
    char *text = malloc(target + value + 64);
    int n = snprintf(text, 8, "GET /");

    memset(text + n, 'a', target);
    n += (int)target;
    n += snprintf(text + n, 40, " HTTP/1.1\r\nHost: a\r\nb: ");
    memset(text + n, 'b', value);
    snprintf(text + (size_t)n + value, 8, "\r\n\r\n");
    return text;
}

START_TEST(what_is_too_long_is_told_apart)
{
    static const struct {
        int status;
        size_t target, value;
    } rows[] = {{0, 10, 10},          {414, LIMIT, 0},     {414, 3000, 3000},
                {431, 10, LIMIT},     {431, 900, 200},     {0, 500, 400},
                {414, LIMIT - 15, 1}, {431, LIMIT - 16, 1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = sized_head(rows[i].target, rows[i].value);
        ck_assert_msg(status_of(text) == rows[i].status, "row %zu: %d", i,
                      status_of(text));
        free(text);
    }
}
END_TEST

START_TEST(too_many_fields_are_refused)
{
    char text[LIMIT];
    int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");

    for (int i = 0; i < HTTP_MAX_FIELDS - 1; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "a:\r\n");
    snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
    ck_assert_int_eq(status_of(text), 0);
    snprintf(text + n, sizeof(text) - (size_t)n, "a:\r\n\r\n");
    ck_assert_int_eq(status_of(text), 431);
}
END_TEST

Suite *suite_http1(void)
{
    Suite *s = suite_create("http1");
    TCase *t = tcase_create("heads");

    tcase_add_loop_test(t, each_head_gets_its_status, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, a_nul_in_a_head_is_refused);
    tcase_add_test(t, a_head_is_taken_apart);
    tcase_add_test(t, an_absolute_target_names_its_authority);
    tcase_add_test(t, keep_alive_follows_version_and_field);
    tcase_add_test(t, what_is_too_long_is_told_apart);
    tcase_add_test(t, too_many_fields_are_refused);
    suite_add_tcase(s, t);
    return s;
}
