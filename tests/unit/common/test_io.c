/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: replaced at once or not at all, read up to a limit. */
#include "common/io.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"

static char folder[32], path[48];

static void setup(void)
{
    strcpy(folder, "/tmp/datos-io-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
}

static void teardown(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static int n_entries(void)
{
    DIR *dir = opendir(folder);
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void holds(const char *name, const char *text)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    ck_assert_int_eq(io_read_file(name, &b), 0);
    ck_assert_str_eq(b.data, text);
    buf_fini(&b);
}

START_TEST(a_file_is_replaced_and_nothing_stays_beside_it)
{
    struct stat st;

    umask(077);
    ck_assert_int_eq(io_write_file(path, STR("a longer one"), 0600), 0);
    holds(path, "a longer one");
    ck_assert_int_eq(io_write_file(path, STR("two"), 0644), 0);
    holds(path, "two");
    ck_assert_int_eq(io_write_file(path, STR(""), 0644), 0);
    holds(path, "");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0644);
    ck_assert_int_eq(n_entries(), 1);
}
END_TEST

START_TEST(a_name_without_a_folder_is_of_this_folder)
{
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(io_write_file("file", STR("here"), 0600), 0);
    holds(path, "here");
    ck_assert_int_eq(n_entries(), 1);
}
END_TEST

START_TEST(a_disk_that_takes_no_more_leaves_the_old_one)
{
    const struct rlimit small = {.rlim_cur = 4096, .rlim_max = 4096};
    static char many[8192];

    ck_assert_int_eq(io_write_file(path, STR("old"), 0600), 0);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    memset(many, 'x', sizeof(many));
    ck_assert_int_eq(io_write_file(path, str_of(many, sizeof(many)), 0600),
                     EFBIG);
    holds(path, "old");
    ck_assert_int_eq(n_entries(), 1);
}
END_TEST

START_TEST(a_name_that_cannot_be_is_told)
{
    char other[64];

    snprintf(other, sizeof(other), "%s/no/file", folder);
    ck_assert_int_eq(io_write_file(other, STR("x"), 0600), ENOENT);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(io_write_file(path, STR("x"), 0600), EISDIR);
    snprintf(other, sizeof(other), "%s/", path);
    ck_assert_int_ne(io_write_file(other, STR("x"), 0600), 0);
    ck_assert_int_eq(n_entries(), 1);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(a_link_is_replaced_not_what_it_leads_to)
{
    char other[64];

    snprintf(other, sizeof(other), "%s/other", folder);
    ck_assert_int_eq(io_write_file(other, STR("other"), 0600), 0);
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(io_write_file(path, STR("mine"), 0600), 0);
    holds(other, "other");
    holds(path, "mine");
}
END_TEST

enum {
    WRITERS = 4,
    ROUNDS = 30,
    LONG = 200000
};

static void *write_often(void *arg)
{
    char *text = mem_alloc(LONG);

    memset(text, *(const char *)arg, LONG);
    for (int i = 0; i < ROUNDS; i++)
        ck_assert_int_eq(io_write_file(path, str_of(text, LONG), 0600), 0);
    mem_free(text);
    return NULL;
}

START_TEST(writers_at_a_time_give_one_of_theirs_whole)
{
    static char letters[] = "abcd";
    pthread_t threads[WRITERS];
    struct buf b;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, write_often, &letters[i]), 0);
    for (int i = 0; i < ROUNDS; i++) {
        int why;

        buf_reset(&b);
        why = io_read_file(path, &b);
        if (why == ENOENT) /* before the first of them */
            continue;
        ck_assert_int_eq(why, 0);
        ck_assert_uint_eq(b.len, LONG);
        for (size_t k = 1; k < LONG; k++)
            ck_assert(b.data[k] == b.data[0]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(n_entries(), 1);
    buf_fini(&b);
}
END_TEST

START_TEST(a_file_is_read_up_to_the_limit)
{
    static char many[100000];
    struct buf b;

    memset(many, 'x', sizeof(many));
    ck_assert_int_eq(io_write_file(path, str_of(many, sizeof(many)), 0600), 0);
    buf_init(&b, sizeof(many) + 1);
    buf_putc(&b, '<');
    ck_assert_int_eq(io_read_file(path, &b), 0);
    ck_assert_uint_eq(b.len, sizeof(many) + 1);
    ck_assert(b.data[0] == '<' && !b.failed && !b.data[b.len]);
    buf_fini(&b);
    buf_init(&b, sizeof(many) - 1);
    ck_assert_int_eq(io_read_file(path, &b), EFBIG);
    ck_assert(b.failed);
    buf_fini(&b);
}
END_TEST

START_TEST(what_cannot_be_read_is_told)
{
    struct buf b;

    buf_init(&b, 1000);
    ck_assert_int_eq(io_read_file(path, &b), ENOENT);
    ck_assert_int_eq(io_read_file(folder, &b), EISDIR);
    ck_assert_uint_eq(b.len, 0);
    buf_fini(&b);
}
END_TEST

Suite *suite_io(void)
{
    Suite *s = suite_create("io");
    TCase *tc = tcase_create("io");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_file_is_replaced_and_nothing_stays_beside_it);
    tcase_add_test(tc, a_name_without_a_folder_is_of_this_folder);
    tcase_add_test(tc, a_disk_that_takes_no_more_leaves_the_old_one);
    tcase_add_test(tc, a_name_that_cannot_be_is_told);
    tcase_add_test(tc, a_link_is_replaced_not_what_it_leads_to);
    tcase_add_test(tc, writers_at_a_time_give_one_of_theirs_whole);
    tcase_add_test(tc, a_file_is_read_up_to_the_limit);
    tcase_add_test(tc, what_cannot_be_read_is_told);
    suite_add_tcase(s, tc);
    return s;
}
