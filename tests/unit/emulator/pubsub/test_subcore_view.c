/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery through transforms: here a table says what becomes of a letter. */
#include <check.h>
#include <ctype.h>

#include "core.h"
#include "emulator/pubsub/message.h"

static struct core c;

static struct view {
    struct sub_view door; /* first */
    char dropped[8], failed[8], unknown[8];
    unsigned n_taken;
    char bytes[4];
} view;

/* Small letters become large ones. */
static enum view_got find(struct sub_view *door, struct batch *b, uint64_t seq,
                          uint32_t offset, struct str *out)
{
    struct view *v = (struct view *)(void *)door;
    uint32_t next;
    char letter = message_data(batch_message_at(b, offset, &next)).p[0];

    (void)seq;
    if (strchr(v->unknown, letter))
        return VIEW_WAIT;
    if (strchr(v->dropped, letter))
        return VIEW_DROPPED;
    if (strchr(v->failed, letter))
        return VIEW_FAILED;
    v->bytes[0] = '\n';
    v->bytes[1] = 1;
    v->bytes[2] = (char)toupper(letter);
    *out = str_of(v->bytes, 3);
    return VIEW_KEPT;
}

static void taken(struct sub_view *door, uint64_t seq)
{
    (void)seq;
    ((struct view *)(void *)door)->n_taken++;
}

static void setup(void)
{
    core_init(&c);
    view = (struct view){.door = {.find = find, .taken = taken}};
    c.sub.rules.view = &view.door;
}

static void teardown(void)
{
    core_fini(&c);
}

START_TEST(what_is_made_is_delivered)
{
    core_publish(&c, "abc", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "ABC");
    ck_assert_uint_eq(view.n_taken, 3);
    ck_assert_int_eq(core_ack(&c, 'B'), SUB_ACK_DONE);
    core_nack(&c, 'A');
    ck_assert_str_eq(core_pull(&c, NULL, 4), "A");
}
END_TEST

START_TEST(what_is_dropped_is_done)
{
    strcpy(view.dropped, "ac");
    core_publish(&c, "abc", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "B");
    core_ack(&c, 'B');
    ck_assert_uint_eq(c.n_gone, 1);
    ck_assert_uint_eq(subcore_backlog(&c.sub), 0);
}
END_TEST

START_TEST(what_is_not_known_yet_is_waited_for)
{
    strcpy(view.unknown, "b");
    core_publish(&c, "abc", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "A");
    ck_assert_str_eq(core_pull(&c, NULL, 4), "");
    view.unknown[0] = '\0';
    ck_assert_str_eq(core_pull(&c, NULL, 4), "BC");
}
END_TEST

START_TEST(what_fails_comes_again_after_a_while)
{
    strcpy(view.failed, "b");
    core_publish(&c, "abc", NULL);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "AC");
    ck_assert_str_eq(core_pull(&c, NULL, 4), "");
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + S / 10);
    core_advance(&c, S / 10);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "");
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + S / 5);
    view.failed[0] = '\0';
    core_advance(&c, S / 5);
    ck_assert_str_eq(core_pull(&c, NULL, 4), "B");
    ck_assert_uint_eq(core_attempt('B'), 3);
    /* returned by its receiver it comes at once */
    core_nack(&c, 'B');
    ck_assert_str_eq(core_pull(&c, NULL, 4), "B");
}
END_TEST

START_TEST(what_fails_backs_off_as_the_policy_says)
{
    c.sub.rules.has_backoff = true;
    c.sub.rules.backoff_min_us = 20 * S;
    c.sub.rules.backoff_max_us = 60 * S;
    strcpy(view.failed, "a");
    core_publish(&c, "a", NULL);
    core_pull(&c, NULL, 1);
    ck_assert_int_eq(subcore_next_event(&c.sub), c.now + 20 * S);
}
END_TEST

START_TEST(what_fails_too_often_is_dead)
{
    c.sub.rules.max_attempts = 5;
    strcpy(view.failed, "a");
    core_publish(&c, "a", NULL);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!c.sub.dead);
        ck_assert_str_eq(core_pull(&c, NULL, 1), "");
        core_advance(&c, 10 * S);
    }
    ck_assert(c.sub.dead);
}
END_TEST

START_TEST(a_key_waits_behind_what_fails)
{
    c.sub.rules.ordered = true;
    strcpy(view.failed, "b");
    strcpy(view.dropped, "x");
    core_publish(&c, "axbcz", "kkkk.");
    ck_assert_str_eq(core_pull(&c, NULL, 9), "AZ");
    core_ack(&c, 'A');
    core_ack(&c, 'Z');
    ck_assert_str_eq(core_pull(&c, NULL, 9), "");
    ck_assert_uint_eq(subcore_backlog(&c.sub), 2);
    view.failed[0] = '\0';
    core_advance(&c, S);
    ck_assert_str_eq(core_pull(&c, NULL, 9), "BC");
    core_ack(&c, 'B');
    core_ack(&c, 'C');
    ck_assert_uint_eq(subcore_backlog(&c.sub), 0);
    ck_assert_uint_eq(c.n_gone, 1);
}
END_TEST

START_TEST(flow_control_counts_what_is_delivered)
{
    struct taker *t = taker_new();

    t->max_bytes = 6; /* of 3 each; as published they have 3 and the letter */
    core_publish(&c, "abc", NULL);
    ck_assert_str_eq(core_pull(&c, t, 9), "AB");
    ck_assert_uint_eq(t->n_bytes, 6);
    core_ack(&c, 'A');
    ck_assert_str_eq(core_pull(&c, t, 9), "C");
    subcore_close_taker(&c.sub, t, c.now);
}
END_TEST

Suite *suite_subcore_view(void);
Suite *suite_subcore_view(void)
{
    Suite *s = suite_create("subcore_view");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_made_is_delivered);
    tcase_add_test(t, what_is_dropped_is_done);
    tcase_add_test(t, what_is_not_known_yet_is_waited_for);
    tcase_add_test(t, what_fails_comes_again_after_a_while);
    tcase_add_test(t, what_fails_backs_off_as_the_policy_says);
    tcase_add_test(t, what_fails_too_often_is_dead);
    tcase_add_test(t, a_key_waits_behind_what_fails);
    tcase_add_test(t, flow_control_counts_what_is_delivered);
    suite_add_tcase(s, t);
    return s;
}
