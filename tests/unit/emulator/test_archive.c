/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "common/buf.h"
#include "emulator/archive.h"

static struct buf a;

static void setup(void)
{
    buf_init(&a, 10000);
    archive_begin(&a);
    archive_add(&a, "one", STR("1\n2\0three"));
    archive_add(&a, "empty", STR(""));
}

static void teardown(void)
{
    buf_fini(&a);
}

START_TEST(gives_back_what_was_added)
{
    struct str all = buf_as_str(&a);

    ck_assert_int_eq(archive_check(all, NULL), RC_OK);
    ck_assert(str_eq(archive_part(all, "one"), STR("1\n2\0three")));
    ck_assert_ptr_nonnull(archive_part(all, "empty").p);
    ck_assert_ptr_null(archive_part(all, "two").p);
}
END_TEST

START_TEST(refuses_any_byte_changed_or_lost)
{
    struct str all = buf_as_str(&a);

    for (size_t i = 0; i < all.len; i++) {
        char was = a.data[i];

        a.data[i] = (char)(was ^ 4);
        /* a part's name is not under its checksum: it merely is not found */
        if (archive_check(all, NULL) == RC_OK)
            ck_assert(!archive_part(all, "one").p ||
                      !archive_part(all, "empty").p);
        a.data[i] = was;
    }
    /* a cut between parts leaves a part out; anywhere else it is seen */
    for (size_t n = 0; n < all.len; n++)
        if (archive_check(str_of(all.p, n), NULL) == RC_OK)
            ck_assert_ptr_null(archive_part(str_of(all.p, n), "empty").p);
}
END_TEST

START_TEST(allows_plain_relative_names_only)
{
    ck_assert(archive_name_ok(STR("a.arc")));
    ck_assert(archive_name_ok(STR("folder/a")));
    ck_assert(!archive_name_ok(STR("../a")));
    ck_assert(!archive_name_ok(STR("a/../../b")));
    ck_assert(!archive_name_ok(STR("/etc/passwd")));
    ck_assert(!archive_name_ok(STR("")));
    ck_assert(!archive_name_ok(STR("a/")));
    ck_assert(!archive_name_ok(STR("a\0b")));
    /* those of the services: a saved state in their place loses the live one */
    ck_assert(!archive_name_ok(STR("pubsub.db")));
    ck_assert(!archive_name_ok(STR("pubsub.db-wal")));
    ck_assert(!archive_name_ok(STR("bigquery.db-shm")));
    ck_assert(!archive_name_ok(STR("lock")));
}
END_TEST

Suite *suite_archive(void);
Suite *suite_archive(void)
{
    Suite *s = suite_create("archive");
    TCase *tc = tcase_create("archive");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, gives_back_what_was_added);
    tcase_add_test(tc, refuses_any_byte_changed_or_lost);
    tcase_add_test(tc, allows_plain_relative_names_only);
    suite_add_tcase(s, tc);
    return s;
}
