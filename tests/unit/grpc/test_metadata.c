/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "grpc/grpc.h"
#include "grpc/metadata.h"

static const struct {
    const char *text;
    int64_t us; /* -1: refused */
} timeouts[] = {
    {"1H", 3600000000}, {"2M", 120000000}, {"60S", 60000000},
    {"100m", 100000},   {"7u", 7},         {"1n", 1},
    {"1001n", 2},       {"0S", 1},         {"99999999H", 359999996400000000},
    {"100000000S", -1}, {"S", -1},         {"", -1},
    {"1", -1},          {"1x", -1},        {"-1S", -1},
    {"1.5S", -1},       {" 1S", -1},
};

START_TEST(reads_timeouts)
{
    int64_t us = -1;
    bool ok = grpc_timeout_parse(str_from(timeouts[_i].text), &us);

    ck_assert_msg(ok == (timeouts[_i].us >= 0), "%s", timeouts[_i].text);
    if (ok)
        ck_assert_int_eq(us, timeouts[_i].us);
}
END_TEST

static const struct {
    const char *in, *out;
} messages[] = {
    {"plain text", "plain text"},
    {"100%", "100%25"},
    {"señal\n", "se%C3%B1al%0A"},
    {"", ""},
};

START_TEST(encodes_messages)
{
    struct buf out;

    buf_init(&out, 1000);
    buf_puts(&out, "");
    grpc_message_encode(&out, str_from(messages[_i].in));
    ck_assert_str_eq(buf_as_str(&out).p, messages[_i].out);
    buf_fini(&out);
}
END_TEST

START_TEST(encodes_binary_values_without_padding)
{
    struct buf out;

    buf_init(&out, 1000);
    grpc_binary_encode(&out, STR("a\xff"));
    ck_assert_str_eq(out.data, "Yf8");
    buf_fini(&out);
}
END_TEST

START_TEST(finds_words_in_lists)
{
    ck_assert(grpc_list_has(STR("identity, gzip"), STR("gzip")));
    ck_assert(grpc_list_has(STR("GZIP"), STR("gzip")));
    ck_assert(!grpc_list_has(STR("gzipped,x"), STR("gzip")));
    ck_assert(!grpc_list_has(STR_NULL, STR("gzip")));
}
END_TEST

START_TEST(names_statuses)
{
    ck_assert_str_eq(grpc_status_name(GRPC_NOT_FOUND), "NOT_FOUND");
    ck_assert_int_eq(grpc_status_http(GRPC_NOT_FOUND), 404);
    ck_assert_int_eq(GRPC_UNAUTHENTICATED, 16);
    ck_assert_str_eq(grpc_status_name((enum grpc_status)99), "UNKNOWN");
}
END_TEST

Suite *suite_metadata(void);
Suite *suite_metadata(void)
{
    Suite *s = suite_create("metadata");
    TCase *tc = tcase_create("metadata");

    tcase_add_loop_test(tc, reads_timeouts, 0,
                        sizeof(timeouts) / sizeof(timeouts[0]));
    tcase_add_loop_test(tc, encodes_messages, 0,
                        sizeof(messages) / sizeof(messages[0]));
    tcase_add_test(tc, encodes_binary_values_without_padding);
    tcase_add_test(tc, finds_words_in_lists);
    tcase_add_test(tc, names_statuses);
    suite_add_tcase(s, tc);
    return s;
}
