/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, redelivery, backoff, dead letters, retention, flow control, seek. */
#include <check.h>

#include "common/rand.h"
#include "core.h"
#include "emulator/pubsub/filter.h"

static struct core c;

static void setup(void)
{
    core_init(&c);
}

static void teardown(void)
{
    core_fini(&c);
}

START_TEST(gives_each_message_once)
{
    core_publish(&c, "abc", NULL);
    core_publish(&c, "de", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "abcd");
    ck_assert_str_eq(core_pull(&c, NULL, 4), "e");
    ck_assert_str_eq(core_pull(&c, NULL, 4), "");
    ck_assert_uint_eq(core_attempt('a'), 1);
}
END_TEST

START_TEST(acknowledged_means_gone)
{
    core_publish(&c, "abc", NULL);
    core_pull(&c, NULL, 3);
    ck_assert_int_eq(core_ack(&c, 'b'), SUB_ACK_DONE);
    ck_assert_int_eq(core_ack(&c, 'b'), SUB_ACK_STALE);
    ck_assert_uint_eq(c.n_gone, 0);
    core_ack(&c, 'a');
    core_ack(&c, 'c');
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_uint_eq(c.log.n_bytes, 0);
    core_advance(&c, 100 * S);
    ck_assert_str_eq(core_pull(&c, NULL, 3), "");
    ck_assert_int_eq(subcore_next_event(&c.sub), INT64_MAX);
}
END_TEST

START_TEST(expired_leases_come_back)
{
    core_publish(&c, "abc", NULL);
    core_pull(&c, NULL, 3);
    core_ack(&c, 'b');
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + 10 * S);
    core_advance(&c, 10 * S - 1);
    ck_assert_str_eq(core_pull(&c, NULL, 3), "");
    core_advance(&c, 1);
    ck_assert_str_eq(core_pull(&c, NULL, 3), "ac");
    ck_assert_uint_eq(core_attempt('a'), 2);
}
END_TEST

START_TEST(late_acknowledgements_still_count)
{
    core_publish(&c, "a", NULL);
    core_pull(&c, NULL, 1);
    core_advance(&c, 11 * S);
    ck_assert_int_eq(core_ack(&c, 'a'), SUB_ACK_DONE);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "");
}
END_TEST

START_TEST(exactly_once_refuses_late_and_old_ids)
{
    struct delivery old;
    struct batch *load;
    struct taker *t = taker_new();

    c.sub.rules.exactly_once = true;
    core_publish(&c, "a", NULL);
    ck_assert_int_eq(subcore_next(&c.sub, t, 10 * S, c.now, &old, &load),
                     SUB_GOT);
    core_advance(&c, 10 * S);
    ck_assert_int_eq(subcore_ack(&c.sub, old.seq, old.nonce, c.now),
                     SUB_ACK_REFUSED);
    ck_assert_int_eq(subcore_modack(&c.sub, old.seq, old.nonce, S, c.now),
                     SUB_ACK_REFUSED);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
    ck_assert_int_eq(subcore_ack(&c.sub, old.seq, old.nonce, c.now),
                     SUB_ACK_REFUSED);
    ck_assert_int_eq(core_ack(&c, 'a'), SUB_ACK_DONE);
    ck_assert_int_eq(core_ack(&c, 'a'), SUB_ACK_REFUSED);
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

START_TEST(leases_are_extended_from_now)
{
    struct delivery d;
    struct batch *load;
    struct taker *t = taker_new();

    core_publish(&c, "a", NULL);
    subcore_next(&c.sub, t, 10 * S, c.now, &d, &load);
    subcore_close_taker(&c.sub, t, c.now);
    core_advance(&c, 5 * S);
    ck_assert_int_eq(subcore_modack(&c.sub, d.seq, d.nonce, 60 * S, c.now),
                     SUB_ACK_DONE);
    core_advance(&c, 59 * S);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "");
    core_advance(&c, S);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
}
END_TEST

START_TEST(backs_off_exponentially)
{
    static const int64_t waits[] = {2, 4, 8, 10, 10};

    c.sub.rules.has_backoff = true;
    c.sub.rules.backoff_min_us = 2 * S;
    c.sub.rules.backoff_max_us = 10 * S;
    core_publish(&c, "ab", NULL);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
        ck_assert_uint_eq(core_attempt('a'), i + 1);
        core_nack(&c, 'a');
        ck_assert_int_eq(subcore_next_event(&c.sub), c.now + waits[i] * S);
        core_advance(&c, waits[i] * S - 1);
        ck_assert(heap_first(&c.sub.ready) == NULL);
        core_advance(&c, 1);
    }
    ck_assert_str_eq(core_pull(&c, NULL, 2), "ab");
    ck_assert_int_eq(backoff_us(10 * S, 600 * S, 10000), 600 * S);
    ck_assert_int_eq(backoff_us(0, 600 * S, 5), 0);
}
END_TEST

START_TEST(dead_letters_after_the_last_attempt)
{
    struct held *h;

    c.sub.rules.max_attempts = 5;
    core_publish(&c, "ab", NULL);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!subcore_dead_next(&c.sub));
        ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
        if (i % 2)
            core_nack(&c, 'a');
        else
            core_advance(&c, 10 * S);
    }
    ck_assert_str_eq(core_pull(&c, NULL, 1), "b");
    h = subcore_dead_next(&c.sub);
    ck_assert(h && h->seq == core_seq('a') && h->fails == 5);
    ck_assert(!subcore_dead_next(&c.sub));
    subcore_dead_end(&c.sub, h->seq, false, c.now);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "a");
    core_nack(&c, 'a');
    h = subcore_dead_next(&c.sub);
    ck_assert(h);
    subcore_dead_end(&c.sub, h->seq, true, c.now);
    core_ack(&c, 'b');
    ck_assert_uint_eq(c.n_gone, 1);
}
END_TEST

START_TEST(retention_ends_what_nobody_took)
{
    c.sub.rules.retention_us = 600 * (int64_t)S;
    core_publish(&c, "ab", NULL);
    core_pull(&c, NULL, 1);
    core_advance(&c, 300 * (int64_t)S);
    core_publish(&c, "c", NULL);
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + 300 * (int64_t)S);
    core_advance(&c, 300 * (int64_t)S);
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_str_eq(core_pull(&c, NULL, 3), "c");
    core_advance(&c, 300 * (int64_t)S);
    ck_assert_uint_eq(c.n_gone, 2);
    ck_assert_int_eq(subcore_next_event(&c.sub), INT64_MAX);
    ck_assert_int_eq(core_ack(&c, 'c'), SUB_ACK_STALE);
}
END_TEST

START_TEST(flow_control_counts_what_is_out)
{
    struct taker *t = taker_new();

    t->max_messages = 2;
    core_publish(&c, "abcde", NULL);
    ck_assert_str_eq(core_pull(&c, t, 9), "ab");
    core_ack(&c, 'a');
    ck_assert_str_eq(core_pull(&c, t, 9), "c");
    core_nack(&c, 'b');
    ck_assert_str_eq(core_pull(&c, t, 9), "b");
    core_advance(&c, 10 * S);
    ck_assert_uint_eq(t->n_messages, 0);
    t->max_messages = 0;
    t->max_bytes = 1;
    ck_assert_str_eq(core_pull(&c, t, 9), "b");
    subcore_close_taker(&c.sub, t, c.now);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "cde");
    core_advance(&c, 10 * S);
    ck_assert_str_eq(core_pull(&c, NULL, 1), "b");
}
END_TEST

START_TEST(filters_count_as_acknowledged)
{
    struct filter *f;

    ck_assert_int_eq(filter_parse(STR("attributes.letter = \"c\""), &f, NULL),
                     RC_OK);
    c.sub.rules.filter = f;
    core_publish(&c, "ab", NULL);
    subcore_skip_refused(&c.sub);
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_uint_eq(subcore_backlog(&c.sub), 0);
    core_publish(&c, "xcx", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "c");
    core_ack(&c, 'c');
    ck_assert_uint_eq(c.n_gone, 2);
    filter_free(f);
    c.sub.rules.filter = NULL;
}
END_TEST

START_TEST(seek_goes_back_as_far_as_the_log_keeps)
{
    struct ackset set;
    int64_t start = c.now;

    tlog_set_keep(&c.log, 600 * (int64_t)S, c.now);
    core_publish(&c, "ab", NULL);
    core_advance(&c, 60 * S);
    core_publish(&c, "cd", NULL);
    core_pull(&c, NULL, 3);
    core_ack(&c, 'a');
    core_ack(&c, 'b');
    ck_assert_uint_eq(c.n_gone, 0);
    ackset_init(&set, tlog_seq_at(&c.log, start + 1));
    subcore_seek(&c.sub, &set);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "cd");
    ackset_init(&set, tlog_seq_at(&c.log, start));
    subcore_seek(&c.sub, &set);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "abcd");
    ackset_init(&set, tlog_seq_at(&c.log, c.now + 1));
    subcore_seek(&c.sub, &set);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "");
    ck_assert_uint_eq(c.n_gone, 0);
    core_advance(&c, 540 * (int64_t)S);
    ck_assert_uint_eq(c.n_gone, 1);
    ackset_init(&set, 0);
    subcore_seek(&c.sub, &set);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "cd");
}
END_TEST

START_TEST(a_second_subscription_keeps_what_it_needs)
{
    struct subcore other;
    struct ackset done;

    core_publish(&c, "ab", NULL);
    ackset_init(&done, c.log.end_seq);
    subcore_init(&other, &c.log, &done, 1);
    core_publish(&c, "cd", NULL);
    core_pull(&c, NULL, 9);
    for (const char *p = "abcd"; *p; p++)
        core_ack(&c, *p);
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_uint_eq(subcore_backlog(&other), 2);
    subcore_fini(&other);
    ck_assert_uint_eq(c.n_gone, 2);
}
END_TEST

START_TEST(gaps_are_nobodys)
{
    core_publish(&c, "a", NULL);
    c.next_seq += 10;
    core_publish(&c, "b", NULL);
    ck_assert_uint_eq(subcore_backlog(&c.sub), 2);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "ab");
    core_ack(&c, 'a');
    core_ack(&c, 'b');
    ck_assert_uint_eq(c.sub.holder.done.frontier, c.next_seq);
}
END_TEST

/* Every message published is acknowledged once and only once, whatever
 * happens in between; nothing is out at the end. */
START_TEST(random_operations_lose_nothing)
{
    struct rand r;
    struct taker *takers[3];
    bool acked[64] = {0};
    unsigned n_acked = 0;
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    rand_seed(&r, (uint64_t)_i);
    c.sub.rules.has_backoff = _i & 1;
    c.sub.rules.backoff_min_us = S;
    c.sub.rules.backoff_max_us = 8 * S;
    c.sub.rules.ordered = _i & 2;
    for (int i = 0; i < 3; i++)
        takers[i] = taker_new();
    takers[0]->max_messages = 3;
    for (int i = 0; i < 62; i += 2) {
        char two[3] = {letters[i], letters[i + 1], 0};
        char keys[3] = {"kq."[i % 3], "kq."[(i + 1) % 3], 0};

        core_publish(&c, two, keys);
    }
    for (int step = 0; n_acked < 62; step++) {
        unsigned which = (unsigned)rand_below(&r, 4);
        char got[64];

        ck_assert_int_lt(step, 20000);
        strncpy(got,
                core_pull(&c, which < 3 ? takers[which] : NULL,
                          1 + (unsigned)rand_below(&r, 5)),
                sizeof(got) - 1);
        for (char *p = got; *p && p < got + 6; p++) {
            unsigned at = (unsigned)(strchr(letters, *p) - letters);

            /* With ordering an acknowledged one may come again. */
            ck_assert(c.sub.rules.ordered || !acked[at]);
            if (rand_below(&r, 3) == 0)
                core_nack(&c, *p);
            else if (rand_below(&r, 3) && core_ack(&c, *p) == SUB_ACK_DONE)
                acked[at] = true;
        }
        core_advance(&c, (int64_t)rand_below(&r, 3 * S));
        if (rand_below(&r, 50) == 0) {
            subcore_close_taker(&c.sub, takers[1], c.now);
            takers[1] = taker_new();
        }
        n_acked = 62 - (unsigned)subcore_backlog(&c.sub);
    }
    core_advance(&c, 100 * (int64_t)S);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "");
    ck_assert_uint_eq(c.n_gone, 31);
    ck_assert_uint_eq(c.sub.held.n, 0);
    ck_assert_uint_eq(c.sub.n_leased, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(takers[i]->n_messages, 0);
        subcore_close_taker(&c.sub, takers[i], c.now);
    }
}
END_TEST

Suite *suite_subcore(void)
{
    Suite *s = suite_create("subcore");
    TCase *t = tcase_create("delivery");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, gives_each_message_once);
    tcase_add_test(t, acknowledged_means_gone);
    tcase_add_test(t, expired_leases_come_back);
    tcase_add_test(t, late_acknowledgements_still_count);
    tcase_add_test(t, exactly_once_refuses_late_and_old_ids);
    tcase_add_test(t, leases_are_extended_from_now);
    tcase_add_test(t, backs_off_exponentially);
    tcase_add_test(t, dead_letters_after_the_last_attempt);
    tcase_add_test(t, retention_ends_what_nobody_took);
    tcase_add_test(t, flow_control_counts_what_is_out);
    tcase_add_test(t, filters_count_as_acknowledged);
    tcase_add_test(t, seek_goes_back_as_far_as_the_log_keeps);
    tcase_add_test(t, a_second_subscription_keeps_what_it_needs);
    tcase_add_test(t, gaps_are_nobodys);
    tcase_add_loop_test(t, random_operations_lose_nothing, 0, 40);
    suite_add_tcase(s, t);
    return s;
}
