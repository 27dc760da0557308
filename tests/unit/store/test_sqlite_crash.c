/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that write the same file: killed at any moment, and two at once. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common/clock.h"
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

/* Shared with the children: how far each was told that its rows are stored. */
struct told {
    _Atomic int n[2];
    _Atomic bool failed;
};

static struct told *share(void)
{
    void *p = mmap(NULL, sizeof(struct told), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(p, MAP_FAILED);
    return p;
}

/* In a child: stores rows `who`-N in calls of `batch`, from `from` on. */
static void write_rows(struct told *told, int who, int from, int n, int batch)
{
    struct schema *schema;
    struct store *store;
    struct loop *loop = loop_new();
    struct err err;

    if (schema_load(NULL, &schema, &err) != RC_OK ||
        store_open_sqlite(f.path, schema, &store, &err) != RC_OK) {
        fprintf(stderr, "child: %s\n", err.text);
        told->failed = true;
        _exit(1);
    }
    for (int i = from; i < from + n; i += batch) {
        struct row *rows[64];
        enum store_result results[64];
        for (int r = 0; r < batch; r++) {
            char id[32];
            snprintf(id, sizeof(id), "%d-%06d", who, i + r);
            rows[r] = make_row(schema, id, "texto", i + r);
        }
        if (insert_rows(loop, store, rows, (size_t)batch, true, results,
                        &err) != RC_OK) {
            fprintf(stderr, "child: %s\n", err.text);
            told->failed = true;
            _exit(1);
        }
        told->n[who] = i + batch;
    }
    store_close(store);
    loop_free(loop);
    schema_free(schema);
    _exit(0);
}

/* Every assertion, also one that holds, is a message to the runner: two
 * processes that send theirs through one file, one of them killed, garble it.
 */
static void be_silent(void)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = 3; fd < 256; fd++) {
        if (fd != null && fcntl(fd, F_GETFD) != -1)
            dup2(null, fd);
    }
}

static pid_t spawn(struct told *told, int who, int from, int n, int batch)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        be_silent();
        write_rows(told, who, from, n, batch);
    }
    return pid;
}

static int count(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int n;

    ck_assert_int_eq(sqlite3_open(f.path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

START_TEST(killed_again_and_again_it_loses_nothing_it_told)
{
    struct told *told = share();
    int64_t until = clock_mono_us() + 3 * US_PER_S;
    unsigned turn = 0;
    int from = 0;

    fixture_close(&f);
    for (; clock_mono_us() < until; turn++) {
        int before = told->n[0];
        pid_t pid = spawn(told, 0, from, 1000000, 7);
        char sql[100];
        int64_t patience = clock_mono_us() + 30 * US_PER_S;
        while (told->n[0] == before && clock_mono_us() < patience)
            usleep(200);
        usleep(turn * 997 % 9000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        ck_assert_int_gt(told->n[0], before);
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM datos WHERE timestamp < %lld",
                 (long long)BASE_US + told->n[0]);
        ck_assert_int_eq(count(sql), told->n[0]);
        /* a call that was not answered is there as a whole or not at all */
        from = count("SELECT count(*) FROM datos");
        ck_assert_int_eq(from % 7, 0);
        told->n[0] = from;
    }
    ck_assert_uint_ge(turn, 3);
    ck_assert(!told->failed);
    ck_assert_int_eq(count("SELECT count(*) FROM datos"),
                     count("SELECT count(DISTINCT id) FROM datos"));
    fixture_open(&f);
    fixture_stored(&f, "after");
}
END_TEST

START_TEST(two_processes_write_one_file_at_once)
{
    struct told *told = share();
    pid_t pids[2];
    enum {
        N = 3000
    };

    fixture_close(&f); /* neither threads nor locks go through a fork */
    for (int i = 0; i < 2; i++)
        pids[i] = spawn(told, i, 0, N, i ? 1 : 50);
    for (int i = 0; i < 2; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert(!told->failed);
    ck_assert_int_eq(count("SELECT count(*) FROM datos"), 2 * N);
    fixture_open(&f);
    fixture_stored(&f, "third");
}
END_TEST

START_TEST(two_processes_may_make_the_file_at_once)
{
    struct told *told = share();
    pid_t pids[2];

    fixture_close(&f);
    for (int round = 0; round < 10; round++) {
        snprintf(f.path, sizeof(f.path), "%s/round%d", f.folder, round);
        for (int i = 0; i < 2; i++)
            pids[i] = spawn(told, i, 0, 2, 1);
        for (int i = 0; i < 2; i++) {
            int status;
            ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
            ck_assert_int_eq(status, 0);
        }
        ck_assert_int_eq(count("SELECT count(*) FROM datos"), 4);
    }
}
END_TEST

Suite *suite_sqlite_crash(void)
{
    Suite *s = suite_create("sqlite_crash");
    TCase *tc = tcase_create("sqlite_crash");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, killed_again_and_again_it_loses_nothing_it_told);
    tcase_add_test(tc, two_processes_write_one_file_at_once);
    tcase_add_test(tc, two_processes_may_make_the_file_at_once);
    suite_add_tcase(s, tc);
    return s;
}
