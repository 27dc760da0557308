/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that one process remembers: found, bounded, forgotten. */
#include <check.h>
#include <string.h>

#include "store/bigquery_ledger.h"

static struct ledger *l;
static int somebody;

static void setup(void)
{
    l = ledger_new(4);
}

static void teardown(void)
{
    ledger_free(l);
}

/* Keys of one bucket: only their ends differ. */
static const unsigned char *key(unsigned n)
{
    static unsigned char bytes[LEDGER_KEY_BYTES];

    memset(bytes, 0x5a, sizeof(bytes));
    memcpy(bytes + sizeof(bytes) - sizeof(n), &n, sizeof(n));
    return bytes;
}

static struct ledger_entry *add(unsigned n)
{
    return ledger_add(l, key(n), 1000 + n, n);
}

START_TEST(a_new_id_is_pending_and_nobodys)
{
    struct ledger_entry *e = add(7);

    ck_assert(!e->is_stored);
    ck_assert_ptr_null(e->owner);
    ck_assert_uint_eq(e->hash, 1007);
    ck_assert_int_eq(e->since_us, 7);
    ck_assert_ptr_eq(ledger_find(l, key(7)), e);
    ck_assert_ptr_null(ledger_find(l, key(8)));
    ck_assert_uint_eq(ledger_count(l), 1);
}
END_TEST

START_TEST(ids_of_one_bucket_are_told_apart)
{
    struct ledger_entry *a = add(1), *b = add(2), *c = add(3);

    ck_assert_ptr_eq(ledger_find(l, key(1)), a);
    ck_assert_ptr_eq(ledger_find(l, key(2)), b);
    ck_assert_ptr_eq(ledger_find(l, key(3)), c);
    ledger_remove(l, b);
    ck_assert_ptr_eq(ledger_find(l, key(1)), a);
    ck_assert_ptr_null(ledger_find(l, key(2)));
    ck_assert_ptr_eq(ledger_find(l, key(3)), c);
    ck_assert_uint_eq(ledger_count(l), 2);
}
END_TEST

START_TEST(beyond_its_bound_the_oldest_is_forgotten)
{
    for (unsigned n = 1; n <= 6; n++)
        add(n)->is_stored = true;
    ck_assert_uint_eq(ledger_count(l), 4);
    for (unsigned n = 1; n <= 6; n++)
        ck_assert_int_eq(ledger_find(l, key(n)) != NULL, n > 2);
}
END_TEST

START_TEST(what_is_being_written_outlives_the_bound)
{
    add(1)->owner = &somebody;
    for (unsigned n = 2; n <= 9; n++)
        add(n);
    ck_assert_ptr_nonnull(ledger_find(l, key(1)));
    ck_assert_uint_eq(ledger_count(l), 4);
    for (unsigned n = 20; n < 26; n++)
        add(n)->owner = &somebody;
    /* all owned: it grows for a while rather than lose one */
    ck_assert_uint_ge(ledger_count(l), 7);
    for (unsigned n = 20; n < 26; n++)
        ck_assert_ptr_nonnull(ledger_find(l, key(n)));
}
END_TEST

START_TEST(another_table_knows_only_what_is_under_way)
{
    add(1)->is_stored = true;
    add(2)->owner = &somebody;
    add(3);
    ledger_clear(l);
    ck_assert_uint_eq(ledger_count(l), 1);
    ck_assert_ptr_nonnull(ledger_find(l, key(2)));
    ck_assert_ptr_null(ledger_find(l, key(1)));
}
END_TEST

START_TEST(many_ids_are_all_found_again)
{
    struct ledger *big = ledger_new(20000);
    unsigned char bytes[LEDGER_KEY_BYTES] = {0};

    for (unsigned n = 0; n < 20000; n++) {
        memcpy(bytes, &n, sizeof(n));
        ledger_add(big, bytes, n, 0);
    }
    for (unsigned n = 0; n < 20000; n++) {
        memcpy(bytes, &n, sizeof(n));
        ck_assert_uint_eq(ledger_find(big, bytes)->hash, n);
    }
    ledger_free(big);
}
END_TEST

Suite *suite_bigquery_ledger(void);
Suite *suite_bigquery_ledger(void)
{
    Suite *s = suite_create("bigquery_ledger");
    TCase *t = tcase_create("ledger");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_new_id_is_pending_and_nobodys);
    tcase_add_test(t, ids_of_one_bucket_are_told_apart);
    tcase_add_test(t, beyond_its_bound_the_oldest_is_forgotten);
    tcase_add_test(t, what_is_being_written_outlives_the_bound);
    tcase_add_test(t, another_table_knows_only_what_is_under_way);
    tcase_add_test(t, many_ids_are_all_found_again);
    suite_add_tcase(s, t);
    return s;
}
