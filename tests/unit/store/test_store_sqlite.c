/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

enum {
    MANY = 40
};

static struct schema *schema;
static struct store *store;
static struct loop *loop;
static char folder[] = "/tmp/datos-store-XXXXXX";
static char path[64];

static void open_store(void)
{
    struct err err = {.rc = RC_OK};
    int rc = store_open_sqlite(path, schema, &store, &err);

    ck_assert_msg(rc == RC_OK, "%s", err.text);
}

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/datos-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/datos.db", folder);
    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
    loop = loop_new();
    open_store();
}

static void tear_down(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};

    store_close(store);
    loop_free(loop);
    schema_free(schema);
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
    rmdir(folder);
}

static struct row *make(const char *id, const char *contenido, int second)
{
    char json[256];
    struct reject why;
    struct row *row = NULL;

    snprintf(json, sizeof(json),
             "{\"id\":\"%s\",\"contenido\":\"%s\","
             "\"timestamp\":\"2025-01-14T10:00:%02dZ\"}",
             id, contenido, second);
    ck_assert_int_eq(row_parse(schema, str_from(json), NULL, &row, &why),
                     RC_OK);
    return row;
}

static void on_inserted(struct store_insert *op)
{
    loop_stop(op->loop);
}

static void on_queried(struct store_query *op)
{
    loop_stop(op->loop);
}

static int put(struct row **rows, size_t n, bool atomic,
               enum store_result *results)
{
    struct store_insert op = {.loop = loop,
                              .done = on_inserted,
                              .rows = rows,
                              .n_rows = n,
                              .atomic = atomic,
                              .results = results};

    store_insert(store, &op);
    loop_run(loop);
    return op.rc;
}

static enum store_result put_one(const char *id, const char *text, int second)
{
    struct row *row = make(id, text, second);
    enum store_result result = STORE_REJECTED;

    ck_assert_int_eq(put(&row, 1, false, &result), RC_OK);
    row_unref(row);
    return result;
}

/* Ids of the answer, joined: "c,b,a". */
static const char *ids(struct store_query *q)
{
    static char text[512];
    size_t at = 0;

    q->loop = loop;
    q->done = on_queried;
    store_query(store, q);
    loop_run(loop);
    ck_assert_msg(q->rc == RC_OK, "%s", q->err.text);
    text[0] = '\0';
    for (size_t i = 0; i < q->rows.n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s",
                               i ? "," : "", STR_ARG(q->rows.rows[i]->id));
    row_list_fini(&q->rows);
    return text;
}

START_TEST(first_write_wins_and_a_repeat_is_told)
{
    struct store_query q = {.limit = 10};

    ck_assert_int_eq(put_one("1", "uno", 1), STORE_STORED);
    ck_assert_int_eq(put_one("1", "uno", 1), STORE_DUPLICATE);
    ck_assert_int_eq(put_one("1", "otro", 1), STORE_CONFLICT);
    ck_assert_int_eq(put_one("1", "uno", 2), STORE_CONFLICT);
    ck_assert_str_eq(ids(&q), "1");
}
END_TEST

START_TEST(newest_first_then_id_bytewise)
{
    struct store_query q = {.limit = 10}, two = {.limit = 2};

    put_one("b", "", 5);
    put_one("a", "", 5);
    put_one("z", "", 9);
    put_one("B", "", 5);
    put_one("y", "", 1);
    ck_assert_str_eq(ids(&q), "z,B,a,b,y");
    ck_assert_str_eq(ids(&two), "z,B");
}
END_TEST

START_TEST(filters_bound_the_answer)
{
    const int64_t second = 1000000, ten = 1736848800000000;
    struct store_query since = {.limit = 9, .has_since = true};
    struct store_query until = {.limit = 9, .has_until = true};
    struct store_query after = {.limit = 9, .has_after = true};
    struct store_query one = {.limit = 9, .id = STR("b")};
    struct store_query none = {.limit = 9, .id = STR("nada")};

    put_one("a", "", 1);
    put_one("b", "", 2);
    put_one("c", "", 2);
    put_one("d", "", 3);
    since.since_us = until.until_us = after.after_us = ten + 2 * second;
    after.after_id = STR("b");
    ck_assert_str_eq(ids(&since), "d,b,c");
    ck_assert_str_eq(ids(&until), "a");
    ck_assert_str_eq(ids(&after), "c,a");
    ck_assert_str_eq(ids(&one), "b");
    ck_assert_str_eq(ids(&none), "");
}
END_TEST

START_TEST(all_or_nothing_stores_nothing_on_conflict)
{
    struct store_query q = {.limit = 10};
    struct row *rows[] = {make("n", "", 1), make("x", "otro", 2),
                          make("m", "", 3)};
    enum store_result results[3];

    put_one("x", "", 2);
    ck_assert_int_eq(put(rows, 3, true, results), RC_CONFLICT);
    ck_assert_int_eq(results[1], STORE_CONFLICT);
    ck_assert_str_eq(ids(&q), "x");
    ck_assert_int_eq(put(rows, 3, false, results), RC_OK);
    ck_assert_str_eq(ids(&q), "m,x,n");
    for (int i = 0; i < 3; i++)
        row_unref(rows[i]);
}
END_TEST

START_TEST(one_call_may_hold_an_id_twice)
{
    struct row *rows[] = {make("n", "a", 1), make("n", "a", 1),
                          make("n", "b", 1)};
    enum store_result results[3];

    ck_assert_int_eq(put(rows, 3, false, results), RC_OK);
    ck_assert_int_eq(results[0], STORE_STORED);
    ck_assert_int_eq(results[1], STORE_DUPLICATE);
    ck_assert_int_eq(results[2], STORE_CONFLICT);
    for (int i = 0; i < 3; i++)
        row_unref(rows[i]);
}
END_TEST

START_TEST(rows_survive_a_restart)
{
    struct store_query q = {.limit = 10};

    put_one("a", "uno", 1);
    store_close(store);
    open_store();
    ck_assert_str_eq(ids(&q), "a");
    ck_assert_int_eq(put_one("a", "uno", 1), STORE_DUPLICATE);
}
END_TEST

/* A child stores row after row and tells each; killed at some moment, all that
 * it told of must be there. */
START_TEST(a_kill_loses_nothing_told)
{
    struct store_query q = {.limit = 1001};
    int told = -1, pipes[2];
    pid_t child;

    store_close(store);
    ck_assert_int_eq(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        loop = loop_new();
        open_store();
        for (int i = 0; i < 900; i++) {
            char id[16];
            snprintf(id, sizeof(id), "%04d", i);
            put_one(id, "fila", i % 60);
            if (write(pipes[1], &i, sizeof(i)) != sizeof(i))
                break;
        }
        pause();
    }
    close(pipes[1]);
    for (int i; told < MANY && read(pipes[0], &i, sizeof(i)) == sizeof(i);)
        told = i;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (int i; read(pipes[0], &i, sizeof(i)) == sizeof(i);)
        told = i;
    close(pipes[0]);
    open_store();
    q.loop = loop;
    q.done = on_queried;
    store_query(store, &q);
    loop_run(loop);
    ck_assert_int_ge(told, MANY);
    ck_assert_int_ge((int)q.rows.n, told + 1);
    row_list_fini(&q.rows);
}
END_TEST

START_TEST(refuses_a_file_that_is_no_database)
{
    struct store *other = NULL;
    struct err err = {.rc = RC_OK};
    char name[80];
    FILE *f;

    snprintf(name, sizeof(name), "%s/other", folder);
    f = fopen(name, "w");
    for (int i = 0; i < 200; i++)
        fputs("esto no es una base de datos ", f);
    fclose(f);
    ck_assert_int_ne(store_open_sqlite(name, schema, &other, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(err.text, name));
    unlink(name);
}
END_TEST

START_TEST(refuses_a_file_of_another_schema)
{
    struct schema *other = NULL;
    struct store *s = NULL;
    struct err err = {.rc = RC_OK};

    ck_assert_int_eq(
        schema_parse(STR("[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":"
                         "\"REQUIRED\"},{\"name\":\"contenido\",\"type\":"
                         "\"INTEGER\"},{\"name\":\"timestamp\",\"type\":"
                         "\"TIMESTAMP\",\"mode\":\"REQUIRED\"}]"),
                     "test", true, &other, &err),
        RC_OK);
    ck_assert_int_ne(store_open_sqlite(path, other, &s, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "contenido"));
    schema_free(other);
}
END_TEST

static void on_pinged(struct store_ping *op)
{
    loop_stop(op->loop);
}

START_TEST(a_ping_notices_that_the_file_is_gone)
{
    struct store_ping ping = {.loop = loop, .done = on_pinged};

    store_ping(store, &ping);
    loop_run(loop);
    ck_assert_int_eq(ping.rc, RC_OK);
    unlink(path);
    store_ping(store, &ping);
    loop_run(loop);
    ck_assert_int_eq(ping.rc, RC_UNAVAILABLE);
}
END_TEST

Suite *suite_store_sqlite(void)
{
    Suite *s = suite_create("store_sqlite");
    TCase *tc = tcase_create("store_sqlite");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, first_write_wins_and_a_repeat_is_told);
    tcase_add_test(tc, newest_first_then_id_bytewise);
    tcase_add_test(tc, filters_bound_the_answer);
    tcase_add_test(tc, all_or_nothing_stores_nothing_on_conflict);
    tcase_add_test(tc, one_call_may_hold_an_id_twice);
    tcase_add_test(tc, rows_survive_a_restart);
    tcase_add_test(tc, a_kill_loses_nothing_told);
    tcase_add_test(tc, refuses_a_file_that_is_no_database);
    tcase_add_test(tc, refuses_a_file_of_another_schema);
    tcase_add_test(tc, a_ping_notices_that_the_file_is_gone);
    suite_add_tcase(s, tc);
    return s;
}
