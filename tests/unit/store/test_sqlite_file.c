/* SPDX-License-Identifier: Apache-2.0 */
/* The file and the disk under the store: full, deleted, replaced, damaged,
 * locked, written by other hands. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fixture.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_fini(&f);
}

static void says(const struct err *err, const char *part)
{
    ck_assert_msg(strstr(err->text, part) && strstr(err->text, f.folder),
                  "\"%s\" is not in: %s", part, err->text);
    ck_assert_ptr_null(strchr(err->text, '\n'));
}

START_TEST(a_full_disk_is_told_and_heals)
{
    struct rlimit limit, before;
    enum store_result result;
    struct err err = {.text = ""};
    char *text = mem_alloc(300001), id[16];
    int rc = RC_OK, n = 0;

    memset(text, 'x', 300000);
    fixture_stored(&f, "first");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 2000000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (; rc == RC_OK && n < 50; n++) {
        snprintf(id, sizeof(id), "%d", n);
        rc = fixture_put(&f, id, text, n, &result, &err);
    }
    ck_assert_int_eq(rc, RC_UNAVAILABLE);
    says(&err, "make room");
    /* what was told is there, reading goes on, and it stays told */
    ck_assert_uint_eq(fixture_count(&f), (size_t)n);
    ck_assert_int_eq(fixture_put(&f, "z", text, n, &result, &err),
                     RC_UNAVAILABLE);
    setrlimit(RLIMIT_FSIZE, &before);
    fixture_stored(&f, "again");
    ck_assert_int_eq(fixture_put(&f, "z", text, n, &result, &err), RC_OK);
    ck_assert_int_eq(result, STORE_STORED);
    ck_assert_int_eq(ping_store(f.loop, f.store, NULL), RC_OK);
    ck_assert_uint_eq(fixture_count(&f), (size_t)n + 2);
    mem_free(text);
}
END_TEST

START_TEST(a_deleted_file_takes_nothing_until_it_is_back)
{
    enum store_result result;
    struct err err = {.text = ""};
    char away[100];

    fixture_stored(&f, "a");
    snprintf(away, sizeof(away), "%s.away", f.path);
    ck_assert_int_eq(rename(f.path, away), 0);
    ck_assert_int_eq(ping_store(f.loop, f.store, &err), RC_UNAVAILABLE);
    says(&err, "was deleted");
    ck_assert_int_eq(fixture_put(&f, "b", "x", 1, &result, &err),
                     RC_UNAVAILABLE);
    says(&err, "was deleted");
    ck_assert_int_ne(access(f.path, F_OK), 0); /* no new one was made */
    ck_assert_int_eq(rename(away, f.path), 0);
    ck_assert_int_eq(ping_store(f.loop, f.store, &err), RC_OK);
    fixture_stored(&f, "b");
    ck_assert_uint_eq(fixture_count(&f), 2);
}
END_TEST

START_TEST(a_replaced_file_is_opened_anew)
{
    char other[100];
    struct fixture g = f;

    fixture_stored(&f, "old");
    snprintf(other, sizeof(other), "%s.new", f.path);
    strcpy(g.path, other);
    fixture_open(&g);
    fixture_stored(&g, "new");
    fixture_close(&g);
    ck_assert_int_eq(rename(other, f.path), 0);
    ck_assert_int_eq(ping_store(f.loop, f.store, NULL), RC_OK);
    fixture_stored(&f, "old");
    ck_assert_uint_eq(fixture_count(&f), 2);
    fixture_close(&f);
    fixture_open(&f);
    ck_assert_uint_eq(fixture_count(&f), 2);
}
END_TEST

START_TEST(a_replaced_empty_file_gets_its_table)
{
    fixture_stored(&f, "old");
    unlink(f.path);
    close(open(f.path, O_CREAT | O_WRONLY, 0600));
    ck_assert_int_eq(ping_store(f.loop, f.store, NULL), RC_OK);
    ck_assert_uint_eq(fixture_count(&f), 0);
    fixture_stored(&f, "old");
    ck_assert_uint_eq(fixture_count(&f), 1);
}
END_TEST

static const struct {
    const char *path;
    const char *says;
} cannot_open[] = {
    {"", "needs a file"},
    {":memory:", "needs a file"},
    {"/nonexistent/folder/datos.db", "is its folder there"},
    {"/proc/version", "cannot open"},
    {"/tmp", "cannot open"},
};

START_TEST(what_cannot_be_opened_is_said_in_one_line)
{
    struct store *store = NULL;
    struct err err = {.text = ""};

    ck_assert_int_ne(
        store_open_sqlite(cannot_open[_i].path, f.schema, &store, &err), RC_OK);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(err.text, cannot_open[_i].says) != NULL, "%s",
                  err.text);
    ck_assert_msg(strstr(err.text, cannot_open[_i].path) ||
                      cannot_open[_i].path[0] != '/',
                  "%s", err.text);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(a_damaged_file_is_told)
{
    struct err err = {.text = ""};
    char junk[4096];
    enum store_result result;
    int fd, rc = RC_OK;

    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        ck_assert_int_eq(
            fixture_put(&f, id, "texto de relleno", i, &result, NULL), RC_OK);
    }
    fixture_close(&f);
    memset(junk, 0x5a, sizeof(junk));
    fd = open(f.path, O_WRONLY);
    for (int page = 2; page < 8; page++)
        ck_assert_int_eq((int)pwrite(fd, junk, sizeof(junk), page * 4096),
                         4096);
    close(fd);
    rc = store_open_sqlite(f.path, f.schema, &f.store, &err);
    if (rc == RC_OK)
        rc = fixture_put(&f, "n", "x", 1, &result, &err);
    ck_assert_int_eq(rc, RC_UNAVAILABLE);
    says(&err, "damaged");
}
END_TEST

START_TEST(a_lock_held_for_long_is_told_and_waited_for_when_short)
{
    enum store_result result;
    struct err err = {.text = ""};
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(f.path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(fixture_put(&f, "a", "x", 1, &result, &err),
                     RC_UNAVAILABLE);
    says(&err, "another process");
    ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_stored(&f, "a");
}
END_TEST

START_TEST(rows_of_other_hands_are_shown_if_they_are_rows)
{
    struct store_query q = {.limit = 10};
    char text[200];

    fixture_stored(&f, "a");
    fixture_sql(&f, "INSERT INTO datos (id, contenido, timestamp) VALUES"
                    "('good', 'mano', 1736848800000001),"
                    "('bad', x'ff', 1736848800000002),"
                    "('worse', 'x', 'ayer'),"
                    "('late', 'x', 9223372036854775807)");
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_str_eq(ids_of(&q, text, sizeof(text)), "good,a");
    /* they do not use up the limit */
    q.limit = 2;
    ck_assert_int_eq(query_rows(f.loop, f.store, &q), RC_OK);
    ck_assert_str_eq(ids_of(&q, text, sizeof(text)), "good,a");
}
END_TEST

START_TEST(a_row_that_the_table_refuses_is_rejected_alone)
{
    struct row *rows[3];
    enum store_result results[3];
    struct err err = {.text = ""};

    fixture_sql(&f, "CREATE TRIGGER no BEFORE INSERT ON datos WHEN NEW.id = "
                    "'mal' BEGIN SELECT RAISE(ABORT, 'aqui no'); END");
    for (int atomic = 0; atomic <= 1; atomic++) {
        struct store_insert op;
        struct waiting w = {.loop = f.loop};
        rows[0] = make_row(f.schema, atomic ? "c" : "a", "x", 1);
        rows[1] = make_row(f.schema, "mal", "x", 2);
        rows[2] = make_row(f.schema, atomic ? "d" : "b", "x", 3);
        w.insert = op = (struct store_insert){.loop = f.loop,
                                              .done = insert_over,
                                              .rows = rows,
                                              .n_rows = 3,
                                              .atomic = atomic,
                                              .results = results};
        store_insert(f.store, &w.insert);
        wait_for(&w);
        err = w.insert.err;
        ck_assert_int_eq(w.insert.rc, atomic ? RC_SCHEMA : RC_OK);
        ck_assert_int_eq(results[1], STORE_REJECTED);
        ck_assert_ptr_nonnull(strstr(w.insert.detail, "aqui no"));
        for (int i = 0; i < 3; i++)
            row_unref(rows[i]);
    }
    ck_assert_ptr_nonnull(strstr(err.text, "row 1 is refused"));
    ck_assert_uint_eq(fixture_count(&f), 2);
}
END_TEST

START_TEST(the_log_does_not_grow_without_end)
{
    char log[100], id[24];
    enum store_result results[100];
    struct stat st;

    snprintf(log, sizeof(log), "%s-wal", f.path);
    for (int i = 0; i < 400; i++) {
        struct row *rows[100];
        for (int r = 0; r < 100; r++) {
            snprintf(id, sizeof(id), "%06d", i * 100 + r);
            rows[r] = make_row(f.schema, id,
                               "bastante texto para llenar las hojas del "
                               "fichero con algo que pese lo suyo",
                               i * 100 + r);
        }
        ck_assert_int_eq(
            insert_rows(f.loop, f.store, rows, 100, false, results, NULL),
            RC_OK);
    }
    ck_assert_int_eq(stat(log, &st), 0);
    ck_assert_int_lt(st.st_size, 80 * 1024 * 1024);
}
END_TEST

Suite *suite_sqlite_file(void)
{
    Suite *s = suite_create("sqlite_file");
    TCase *tc = tcase_create("sqlite_file");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_full_disk_is_told_and_heals);
    tcase_add_test(tc, a_deleted_file_takes_nothing_until_it_is_back);
    tcase_add_test(tc, a_replaced_file_is_opened_anew);
    tcase_add_test(tc, a_replaced_empty_file_gets_its_table);
    tcase_add_loop_test(tc, what_cannot_be_opened_is_said_in_one_line, 0,
                        sizeof(cannot_open) / sizeof(cannot_open[0]));
    tcase_add_test(tc, a_damaged_file_is_told);
    tcase_add_test(tc, a_lock_held_for_long_is_told_and_waited_for_when_short);
    tcase_add_test(tc, rows_of_other_hands_are_shown_if_they_are_rows);
    tcase_add_test(tc, a_row_that_the_table_refuses_is_rejected_alone);
    tcase_add_test(tc, the_log_does_not_grow_without_end);
    suite_add_tcase(s, tc);
    return s;
}
