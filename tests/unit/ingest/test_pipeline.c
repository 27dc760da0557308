/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the way of a message (contract 4.1, 4.2, 4.4, 4.5). */
/* first: its parameters bear the names of the harness' variables */
#include "service.h"

#include "pipeline_harness.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"

/* --- acknowledged only after the commit ----------------------------------- */

START_TEST(a_message_is_acknowledged_after_its_commit_not_before)
{
    deliver_n(1);
    ck_assert_uint_eq(n_puts, 1);
    run_for(loop, 20000);
    ck_assert_uint_eq(n_acked, 0);
    ck_assert_int_eq(pending[0]->published_us, 1736848800000000);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 1);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"stored\"") == 1);
}
END_TEST

START_TEST(an_idle_store_gets_a_row_at_once_and_a_busy_one_gets_batches)
{
    deliver_n(1);
    ck_assert_uint_eq(last_rows, 1);
    deliver_n(10);
    deliver_n(20);
    ck_assert_uint_eq(n_put_calls, 1);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 30);
}
END_TEST

START_TEST(rows_do_not_wait_long_for_a_slow_store)
{
    deliver_n(1);
    deliver_n(3);
    wait_for(&n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 3);
    ck_assert_uint_eq(n_acked, 0);
}
END_TEST

START_TEST(a_large_backlog_goes_in_full_batches)
{
    deliver_n(2500);
    ck_assert_uint_eq(n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 1000);
    answer_put(RC_OK);
    answer_put(RC_OK);
    ck_assert_uint_eq(last_rows, 500);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 2500);
}
END_TEST

static int all_duplicates(const struct row *row)
{
    (void)row;
    return STORE_DUPLICATE;
}

START_TEST(a_repeat_is_acknowledged)
{
    judge = all_duplicates;
    deliver_n(2);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 2);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"duplicate\"") ==
              2);
}
END_TEST

START_TEST(one_id_twice_in_a_batch_settles_both)
{
    answers_at_once = true;
    deliver("same");
    deliver("same");
    receive_batch_end(&pipeline);
    wait_for(&n_acked, 2);
}
END_TEST

/* --- refused -----------------------------------------------------------------
 */

static char huge[1100000];

static const struct {
    const char *data; /* NULL: `huge` */
    size_t len;
    const char *error, *field;
} refusals[] = {
    {"", 0, "malformed", ""},
    {"{", 1, "malformed", ""},
    {"\xff\xfe", 2, "malformed", ""},
    {"{\"id\":\"1\xc3(\"}", 11, "malformed", ""},
    {"{\"id\":\"1\",\"id\":\"1\"}", 19, "malformed", NULL},
    {"{} x", 4, "malformed", ""},
    {"[]", 2, "schema", NULL},
    {"[{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\"}]", 47, "schema",
     NULL},
    {"7", 1, "schema", NULL},
    {"null", 4, "schema", NULL},
    {"{\"id\":\"1\"}", 10, "schema", "timestamp"},
    {"{\"id\":\"1\",\"timestamp\":\"2024-13-01T00:00:00Z\"}", 45, "schema",
     "timestamp"},
    {"{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"x\":1}", 51,
     "schema", "x"},
    {NULL, sizeof(huge), "too_large", NULL},
};

START_TEST(a_refused_message_goes_to_the_dead_letter_topic_with_its_reason)
{
    static const char start[] = "{\"id\":\"1\",\"timestamp\":"
                                "\"2025-01-14T10:00:00Z\",\"contenido\":\"";
    const char *data = refusals[_i].data;

    memset(huge, 'x', sizeof(huge));
    memcpy(huge, start, strlen(start));
    memcpy(huge + sizeof(huge) - 2, "\"}", 2);
    topic_waits = true;
    deliver_data(data ? data : huge, refusals[_i].len);
    ck_assert_uint_eq(n_put_calls, 0);
    ck_assert_uint_eq(n_acked, 0); /* not before the topic has it */
    ck_assert_uint_eq(n_letters, 1);
    ck_assert_uint_eq(letters[0]->data.len, refusals[_i].len);
    on_letter_timer(&letter_timer);
    ck_assert_uint_eq(n_acked, 1);
    ck_assert_str_eq(last_error, refusals[_i].error);
    if (refusals[_i].field)
        ck_assert_str_eq(last_field, refusals[_i].field);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"rejected\"") ==
              1);
    ck_assert(metric_of("datos_ingest_errors_total{kind=\"permanent\"") == 1);
}
END_TEST

START_TEST(a_refused_message_does_not_hold_up_good_ones)
{
    answers_at_once = true;
    topic_rc = RC_UNAVAILABLE;
    deliver("bad");
    deliver_n(5);
    wait_for(&n_acked, 5);
    ck_assert_int_eq(messages[0].fate, FATE_HELD);
    ck_assert_uint_eq(n_returned, 0);
}
END_TEST

START_TEST(a_failed_dead_letter_is_kept_and_sent_again)
{
    topic_rc = RC_NOT_FOUND;
    deliver("bad");
    run_for(loop, 50000);
    ck_assert_uint_eq(n_published, 0);
    ck_assert_int_eq(messages[0].fate, FATE_HELD);
    topic_rc = RC_OK;
    wait_for(&n_acked, 1);
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

START_TEST(a_dead_letter_that_the_topic_refuses_goes_without_its_attributes)
{
    struct message_attribute own[] = {{STR("a"), STR("b")}};

    topic_waits = true;
    messages[0].message.attributes = own;
    messages[0].message.n_attributes = 1;
    deliver("bad");
    topic_rc = RC_INVALID;
    on_letter_timer(&letter_timer);
    ck_assert_uint_eq(last_n_attributes, 5);
    topic_rc = RC_OK;
    topic_waits = false;
    wait_for(&n_acked, 1);
    ck_assert_uint_eq(last_n_attributes, 4);
}
END_TEST

static int conflict_of_c(const struct row *row)
{
    return row->id.p[0] == 'c' ? STORE_CONFLICT : STORE_STORED;
}

START_TEST(a_conflict_goes_to_the_dead_letter_topic)
{
    judge = conflict_of_c;
    deliver("c1");
    deliver("ok");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 1);
    wait_for(&n_acked, 2);
    ck_assert_str_eq(last_error, "conflict");
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

static int reject_of_x(const struct row *row)
{
    return row->id.p[0] == 'x' ? STORE_REJECTED : STORE_STORED;
}

START_TEST(a_row_is_rejected_only_if_others_pass)
{
    judge = reject_of_x;
    deliver("x1");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    run_for(loop, 30000);
    ck_assert_uint_eq(n_letters + n_published, 0);
    ck_assert_uint_eq(n_acked, 0);
    ck_assert_uint_eq(n_pauses, 0); /* others are needed */
    deliver("good");
    receive_batch_end(&pipeline);
    while (n_acked < 2) {
        wait_for(&n_puts, 1);
        answer_put(RC_OK);
        run_for(loop, 2000);
    }
    ck_assert_str_eq(last_error, "rejected");
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

START_TEST(a_store_that_rejects_everything_counts_as_down)
{
    judge = reject_of_x;
    for (int i = 0; i < 150; i++)
        deliver("x");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_pauses, 1);
    answers_at_once = true;
    run_for(loop, 100000);
    ck_assert_uint_eq(n_acked + n_returned + n_published, 0);
    judge = NULL;
    wait_for(&n_acked, 150);
    ck_assert_uint_eq(n_resumes, 1);
}
END_TEST

/* --- the store is down -------------------------------------------------------
 */

START_TEST(while_the_store_is_down_nothing_is_pulled_returned_or_refused)
{
    deliver_n(10);
    answer_put(RC_UNAVAILABLE);
    ck_assert_uint_eq(n_pauses, 1);
    deliver_n(5); /* from a pull that was under way */
    answers_at_once = true;
    store_rc = RC_TIMEOUT;
    run_for(loop, 300000);
    ck_assert_uint_eq(n_acked + n_returned + n_published, 0);
    ck_assert_uint_gt(n_put_calls, 2);
    ck_assert_uint_eq(n_resumes, 0);
    ck_assert(metric_of("datos_dependency_up{dependency=\"store\"") == 0);
    store_rc = RC_OK;
    wait_for(&n_acked, 15);
    ck_assert_uint_eq(n_resumes, 1);
    ck_assert_uint_eq(n_pauses, 1);
    ck_assert(metric_of("datos_dependency_up{dependency=\"store\"") == 1);
}
END_TEST

START_TEST(one_call_at_a_time_finds_out_when_the_store_is_back)
{
    deliver_n(2500);
    ck_assert_uint_eq(n_puts, 2);
    answer_put(RC_UNAVAILABLE);
    answer_put(RC_UNAVAILABLE);
    wait_for(&n_puts, 1);
    run_for(loop, 30000);
    ck_assert_uint_eq(n_puts, 1);
    answers_at_once = true;
    answer_put(RC_OK);
    wait_for(&n_acked, 2500);
}
END_TEST

START_TEST(the_lag_is_the_age_of_the_oldest_message_held)
{
    deliver_n(1);
    run_for(loop, 1100000);
    ck_assert(metric_of("datos_ingest_lag_seconds") > 1000);
    answer_put(RC_OK);
    run_for(loop, 1100000);
    ck_assert(metric_of("datos_ingest_lag_seconds") == 0);
}
END_TEST

/* --- shutdown ----------------------------------------------------------------
 */

START_TEST(draining_commits_what_is_held_and_returns_what_comes)
{
    deliver_n(3);
    deliver_n(2);
    pipeline_drain(&pipeline);
    deliver_n(1);
    ck_assert_uint_eq(n_returned, 1);
    answers_at_once = true;
    answer_put(RC_OK);
    wait_for(&n_acked, 5);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 1);
}
END_TEST

START_TEST(draining_with_nothing_held_is_done_at_once)
{
    pipeline_drain(&pipeline);
    ck_assert(!is_drained);
    run_until(loop, flag_is_set, &is_drained);
}
END_TEST

START_TEST(draining_gives_back_what_a_dead_store_does_not_take)
{
    deliver_n(3);
    answer_put(RC_UNAVAILABLE);
    pipeline_drain(&pipeline);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 3);
    ck_assert_uint_eq(n_acked, 0);
}
END_TEST

START_TEST(draining_gives_back_a_letter_that_cannot_be_sent)
{
    topic_waits = true;
    topic_rc = RC_UNAVAILABLE;
    deliver("bad");
    pipeline_drain(&pipeline);
    on_letter_timer(&letter_timer);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 1);
}
END_TEST

START_TEST(a_store_call_that_outlives_the_messages_touches_none)
{
    deliver_n(3);
    pipeline_drain(&pipeline);
    pipeline_give_up(&pipeline);
    pipeline_close(&pipeline);
    for (int i = 0; i < 3; i++)
        memset(&messages[i].message, 0x5a, sizeof(messages[i].message));
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked + n_returned, 0);
    ck_assert(pipeline_is_idle(&pipeline));
}
END_TEST

static void add_refusals(TCase *tc)
{
    tcase_add_loop_test(
        tc, a_refused_message_goes_to_the_dead_letter_topic_with_its_reason, 0,
        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tc, a_refused_message_does_not_hold_up_good_ones);
    tcase_add_test(tc, a_failed_dead_letter_is_kept_and_sent_again);
    tcase_add_test(
        tc, a_dead_letter_that_the_topic_refuses_goes_without_its_attributes);
    tcase_add_test(tc, a_conflict_goes_to_the_dead_letter_topic);
    tcase_add_test(tc, a_row_is_rejected_only_if_others_pass);
    tcase_add_test(tc, a_store_that_rejects_everything_counts_as_down);
}

Suite *suite_pipeline(void)
{
    Suite *s = suite_create("pipeline");
    TCase *tc = tcase_create("pipeline");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_message_is_acknowledged_after_its_commit_not_before);
    tcase_add_test(
        tc, an_idle_store_gets_a_row_at_once_and_a_busy_one_gets_batches);
    tcase_add_test(tc, rows_do_not_wait_long_for_a_slow_store);
    tcase_add_test(tc, a_large_backlog_goes_in_full_batches);
    tcase_add_test(tc, a_repeat_is_acknowledged);
    tcase_add_test(tc, one_id_twice_in_a_batch_settles_both);
    add_refusals(tc);
    tcase_add_test(
        tc, while_the_store_is_down_nothing_is_pulled_returned_or_refused);
    tcase_add_test(tc, one_call_at_a_time_finds_out_when_the_store_is_back);
    tcase_add_test(tc, the_lag_is_the_age_of_the_oldest_message_held);
    tcase_add_test(tc, draining_commits_what_is_held_and_returns_what_comes);
    tcase_add_test(tc, draining_with_nothing_held_is_done_at_once);
    tcase_add_test(tc, draining_gives_back_what_a_dead_store_does_not_take);
    tcase_add_test(tc, draining_gives_back_a_letter_that_cannot_be_sent);
    tcase_add_test(tc, a_store_call_that_outlives_the_messages_touches_none);
    suite_add_tcase(s, tc);
    return s;
}
