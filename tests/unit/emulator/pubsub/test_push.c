/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/mem.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/push_body.h"
#include "emulator/pubsub/push_pace.h"
#include "emulator/pubsub/push_stats.h"
#include "grpc/wire.h"

#define S 1000000LL

/* --- pace ----------------------------------------------------------------- */

START_TEST(window_begins_small_and_grows_with_each_success)
{
    struct push_pace p;

    push_pace_init(&p);
    ck_assert(push_pace_allows(&p, PUSH_WINDOW_FIRST - 1, 0));
    ck_assert(!push_pace_allows(&p, PUSH_WINDOW_FIRST, 0));
    for (int i = 0; i < 10000; i++)
        push_pace_succeeded(&p);
    ck_assert(push_pace_allows(&p, PUSH_WINDOW_MAX - 1, 0));
    ck_assert(!push_pace_allows(&p, PUSH_WINDOW_MAX, 0));
}
END_TEST

START_TEST(pause_doubles_to_a_minute_and_halves_by_success)
{
    struct push_pace p;
    int64_t now_us = 0, want_us = 100000;

    push_pace_init(&p);
    for (int i = 0; i < 20; i++) {
        push_pace_failed(&p, p.round, PUSH_PAUSE_MAX_US, now_us);
        ck_assert_int_eq(p.resume_us - now_us, want_us);
        ck_assert(!push_pace_allows(&p, 0, p.resume_us - 1));
        ck_assert(push_pace_allows(&p, 0, p.resume_us));
        now_us = p.resume_us;
        want_us = want_us * 2 < 60 * S ? want_us * 2 : 60 * S;
    }
    for (int i = 0; i < 20; i++)
        push_pace_succeeded(&p);
    push_pace_failed(&p, p.round, PUSH_PAUSE_MAX_US, now_us);
    ck_assert_int_eq(p.resume_us - now_us, 100000);
}
END_TEST

START_TEST(failures_of_one_round_count_once)
{
    struct push_pace p;
    unsigned round;

    push_pace_init(&p);
    round = p.round;
    for (int i = 0; i < 4; i++)
        push_pace_failed(&p, round, PUSH_PAUSE_MAX_US, 0);
    ck_assert_int_eq(p.resume_us, 100000);
    ck_assert_uint_eq(p.window, PUSH_WINDOW_FIRST / 2);
}
END_TEST

START_TEST(window_never_closes_for_good)
{
    struct push_pace p;

    push_pace_init(&p);
    for (int i = 0; i < 50; i++)
        push_pace_failed(&p, p.round, PUSH_PAUSE_MIN_US, 0);
    ck_assert_int_eq(p.resume_us, PUSH_PAUSE_MIN_US);
    ck_assert(push_pace_allows(&p, 0, PUSH_PAUSE_MIN_US));
    ck_assert(!push_pace_allows(&p, 1, PUSH_PAUSE_MIN_US));
}
END_TEST

START_TEST(clock_set_back_does_not_lengthen_the_pause)
{
    struct push_pace p;

    push_pace_init(&p);
    push_pace_failed(&p, p.round, PUSH_PAUSE_MAX_US, 1000000 * S);
    ck_assert(!push_pace_allows(&p, 0, 0));
    ck_assert(push_pace_allows(&p, 0, 60 * S));
}
END_TEST

/* --- form ----------------------------------------------------------------- */

static struct str message(struct buf *out, const char *data, const char *key)
{
    buf_init(out, 1 << 20);
    if (*data)
        wire_put_bytes(out, MESSAGE_DATA, str_from(data));
    message_put_attribute(out, STR("a"), STR("\"q\""));
    message_put_attribute(out, STR("Te"), STR("trailers"));
    message_put_attribute(out, STR("b c"), STR("no name"));
    message_put_attribute(out, STR("d"), STR("no\nvalue"));
    if (*key)
        wire_put_bytes(out, MESSAGE_ORDERING_KEY, str_from(key));
    return buf_as_str(out);
}

static struct push_message of(struct str bytes, unsigned attempt)
{
    return (struct push_message){.message = bytes,
                                 .id = 12345678901234567,
                                 .publish_us = 1736848800408999,
                                 .attempt = attempt,
                                 .subscription = "projects/p/subscriptions/s"};
}

START_TEST(envelope_holds_both_spellings)
{
    struct buf bytes, out;
    struct push_message m = of(message(&bytes, "hi", "k"), 3);

    buf_init(&out, 1 << 20);
    push_body_wrap(&out, &m);
    ck_assert_str_eq(
        out.data,
        "{\"deliveryAttempt\":3,\"message\":{\"attributes\":{\"a\":"
        "\"\\\"q\\\"\","
        "\"Te\":\"trailers\",\"b c\":\"no name\",\"d\":\"no\\nvalue\"},"
        "\"data\":\"aGk=\",\"messageId\":\"12345678901234567\","
        "\"message_id\":\"12345678901234567\",\"orderingKey\":\"k\","
        "\"publishTime\":\"2025-01-14T10:00:00.408Z\","
        "\"publish_time\":\"2025-01-14T10:00:00.408Z\"},"
        "\"subscription\":\"projects/p/subscriptions/s\"}\n");
    buf_fini(&out);
    buf_fini(&bytes);
}
END_TEST

START_TEST(envelope_leaves_out_what_there_is_not)
{
    struct buf bytes, out;
    struct push_message m = of(message(&bytes, "", ""), 0);

    buf_init(&out, 1 << 20);
    push_body_wrap(&out, &m);
    ck_assert_ptr_null(strstr(out.data, "deliveryAttempt"));
    ck_assert_ptr_null(strstr(out.data, "orderingKey"));
    ck_assert_ptr_null(strstr(out.data, "\"data\""));
    buf_fini(&out);
    buf_fini(&bytes);
}
END_TEST

START_TEST(fields_are_only_what_may_be_a_header)
{
    struct buf bytes;
    struct push_message m = of(message(&bytes, "hi", "k"), 0);
    struct push_fields f = {0};
    static const char *const want[][2] = {
        {"x-goog-pubsub-subscription-name", "projects/p/subscriptions/s"},
        {"x-goog-pubsub-message-id", "12345678901234567"},
        {"x-goog-pubsub-publish-time", "2025-01-14T10:00:00.408Z"},
        {"x-goog-pubsub-ordering-key", "k"},
        {"a", "\"q\""}};

    push_fields_put(&f, &m);
    ck_assert_uint_eq(f.n, 5);
    for (size_t i = 0; i < f.n; i++) {
        ck_assert_str_eq(f.rows[i].name, want[i][0]);
        ck_assert_str_eq(f.rows[i].value, want[i][1]);
    }
    push_fields_fini(&f);
    buf_fini(&bytes);
}
END_TEST

/* --- figures -------------------------------------------------------------- */

START_TEST(statuses_are_classed_as_in_production)
{
    static const int acks[] = {102, 200, 201, 202, 204};

    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(push_result_of(acks[i]), PUSH_ACK);
    ck_assert_int_eq(push_result_of(203), PUSH_INVALID);
    ck_assert_int_eq(push_result_of(302), PUSH_INVALID);
    ck_assert_int_eq(push_result_of(404), PUSH_REMOTE_4XX);
    ck_assert_int_eq(push_result_of(599), PUSH_REMOTE_5XX);
}
END_TEST

START_TEST(codes_without_end_share_a_row)
{
    struct push_stats s = {0};
    struct buf out;

    for (int code = 400; code < 600; code++)
        push_stats_add(&s, push_result_of(code), code, 700);
    ck_assert_uint_le(s.n_counts, PUSH_STATS_CODES + PUSH_N_RESULTS);
    ck_assert_uint_eq(s.n, 200);
    buf_init(&out, 1 << 20);
    push_stats_put_latencies(&s, "f", STR("p"), STR("s"), &out);
    ck_assert_ptr_nonnull(strstr(out.data, "le=\"500\"} 0\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "le=\"1000\"} 200\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "le=\"+Inf\"} 200\n"));
    buf_fini(&out);
    push_stats_fini(&s);
}
END_TEST

Suite *suite_push(void)
{
    Suite *s = suite_create("push");
    TCase *c = tcase_create("push");

    tcase_add_test(c, window_begins_small_and_grows_with_each_success);
    tcase_add_test(c, pause_doubles_to_a_minute_and_halves_by_success);
    tcase_add_test(c, failures_of_one_round_count_once);
    tcase_add_test(c, window_never_closes_for_good);
    tcase_add_test(c, clock_set_back_does_not_lengthen_the_pause);
    tcase_add_test(c, envelope_holds_both_spellings);
    tcase_add_test(c, envelope_leaves_out_what_there_is_not);
    tcase_add_test(c, fields_are_only_what_may_be_a_header);
    tcase_add_test(c, statuses_are_classed_as_in_production);
    tcase_add_test(c, codes_without_end_share_a_row);
    suite_add_tcase(s, c);
    return s;
}
