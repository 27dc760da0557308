/* SPDX-License-Identifier: Apache-2.0 */
/* The state's files: what a commit keeps, what a rollback forgets, where large
 * batches lie and when their room is given back. Real files, opened again. */
#include "emulator/pubsub/storage_file.h"

#include <check.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "emulator/pubsub/storage_file_priv.h"

enum {
    SMALL = 100,
    LARGE = 100000,
    SEGMENT = 32 << 20
};

static char folder[64], path[96];
static struct storage_file *file;

/* --- the folder ----------------------------------------------------------- */

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/datos-storage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pubsub.db", folder);
    file = NULL;
}

static void tear_down(void)
{
    char command[96];

    storage_file_close(file);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Bytes of all segments; *n: how many there are. */
static size_t segments(size_t *n)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t bytes = 0;

    *n = 0;
    while (dir && (entry = readdir(dir))) {
        char name[400];
        struct stat st;

        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        if (!strstr(entry->d_name, "-messages-") || stat(name, &st))
            continue;
        bytes += (size_t)st.st_size;
        (*n)++;
    }
    if (dir)
        closedir(dir);
    return bytes;
}

/* --- the file ------------------------------------------------------------- */

struct found {
    size_t n, bytes;
};

static int on_resource(const struct kept_resource *r, void *arg,
                       struct err *err)
{
    (void)r;
    (void)arg;
    (void)err;
    return RC_OK;
}

static int on_acks(uint64_t number, struct str journal, void *arg,
                   struct err *err)
{
    (void)number;
    (void)journal;
    (void)arg;
    (void)err;
    return RC_OK;
}

static int on_batch(const struct kept_batch *b, void *arg, struct err *err)
{
    struct found *found = arg;

    (void)err;
    found->n++;
    found->bytes += b->len;
    return RC_OK;
}

static struct found open_again(bool fsync)
{
    struct err err = {0};
    struct found found = {0};
    struct storage_visitor v = {.resource = on_resource,
                                .acks = on_acks,
                                .attempts = on_acks,
                                .batch = on_batch,
                                .arg = &found};

    storage_file_close(file);
    file = NULL;
    ck_assert_msg(!storage_file_open(path, fsync, &file, &err), "%s", err.text);
    ck_assert_msg(!storage_file_visit(file, &v, &err), "%s", err.text);
    return found;
}

static char *bytes_of(uint64_t id, size_t len)
{
    char *bytes = mem_alloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (id * 7 + i) % 26);
    return bytes;
}

static int step(struct storage_step *s)
{
    struct err err = {0};

    return storage_file_step(file, s, &err);
}

static void put(uint64_t id, size_t len)
{
    char *bytes = bytes_of(id, len);
    struct storage_step s = {
        .op = STORAGE_PUT_BATCH,
        .batch = {.id = id, .n = 1, .bytes = str_of(bytes, len)}};

    ck_assert_int_eq(step(&s), RC_OK);
    mem_free(bytes);
}

static void drop(uint64_t id)
{
    struct storage_step s = {.op = STORAGE_DROP_BATCH, .number = id};

    ck_assert_int_eq(step(&s), RC_OK);
}

static void begin(void)
{
    struct err err = {0};

    ck_assert_msg(!storage_file_begin(file, &err), "%s", err.text);
}

static void commit(void)
{
    struct err err = {0};

    ck_assert_msg(!storage_file_commit(file, &err), "%s", err.text);
}

/* Its bytes are those that were put. */
static void check_batch(uint64_t id, size_t len)
{
    struct storage_step s = {.op = STORAGE_READ_BATCH, .number = id};
    char *bytes = bytes_of(id, len);

    ck_assert_int_eq(step(&s), RC_OK);
    ck_assert_ptr_nonnull(s.read);
    ck_assert_mem_eq(s.read, bytes, len);
    mem_free(s.read);
    mem_free(bytes);
}

static void check_gone(uint64_t id)
{
    struct storage_step s = {.op = STORAGE_READ_BATCH, .number = id};

    ck_assert_int_eq(step(&s), RC_OK);
    ck_assert_ptr_null(s.read);
}

/* --- tests ---------------------------------------------------------------- */

START_TEST(batches_are_there_after_opening_again)
{
    struct found found;
    size_t n;

    found = open_again(false);
    ck_assert_uint_eq(found.n, 0);
    begin();
    put(1, SMALL);
    put(2, LARGE);
    put(3, LARGE + 1);
    commit();
    ck_assert_uint_eq(segments(&n), 2 * LARGE + 1); /* the small one is not */
    ck_assert_uint_eq(n, 1);
    for (int i = 0; i < 2; i++) {
        found = open_again(false);
        ck_assert_uint_eq(found.n, 3);
        ck_assert_uint_eq(found.bytes, SMALL + 2 * LARGE + 1);
        check_batch(1, SMALL);
        check_batch(2, LARGE);
        check_batch(3, LARGE + 1);
        check_gone(4);
    }
}
END_TEST

START_TEST(a_rollback_leaves_what_was_there)
{
    size_t n;

    open_again(false);
    begin();
    put(1, LARGE);
    commit();
    begin();
    drop(1);
    put(2, LARGE);
    put(3, SMALL);
    storage_file_rollback(file);
    check_batch(1, LARGE);
    check_gone(2);
    check_gone(3);
    begin();
    put(4, LARGE); /* takes the room of 2, not that of 1 */
    commit();
    ck_assert_uint_eq(segments(&n), 2 * LARGE);
    check_batch(1, LARGE);
    check_batch(4, LARGE);
    ck_assert_uint_eq(open_again(false).n, 2);
    check_batch(1, LARGE);
    check_batch(4, LARGE);
}
END_TEST

START_TEST(what_a_crash_left_unnamed_is_overwritten_or_removed)
{
    char name[128];
    size_t n;
    FILE *f;

    open_again(false);
    begin();
    put(1, LARGE);
    commit();
    begin();
    put(2, LARGE);
    storage_file_close(file); /* without an end of the transaction */
    file = NULL;
    snprintf(name, sizeof(name), "%s-messages-7", path);
    f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    fputs("nobody knows it", f);
    fclose(f);
    ck_assert_uint_eq(open_again(false).n, 1);
    begin();
    put(3, LARGE);
    commit();
    ck_assert_uint_eq(segments(&n), 2 * LARGE);
    ck_assert_uint_eq(n, 1);
    check_batch(1, LARGE);
    check_batch(3, LARGE);
}
END_TEST

START_TEST(the_room_of_an_empty_segment_is_used_again)
{
    size_t n;

    open_again(false);
    for (uint64_t id = 1; id < 200; id++) {
        begin();
        put(id, LARGE);
        commit();
        check_batch(id, LARGE);
        begin();
        drop(id);
        commit();
        check_gone(id);
    }
    ck_assert_uint_eq(segments(&n), LARGE);
}
END_TEST

/* One batch in 20 is never acknowledged. */
START_TEST(a_few_batches_do_not_hold_the_room_of_all)
{
    enum {
        N = 4 * SEGMENT / LARGE
    };
    size_t n, bytes, kept = 0;

    open_again(false);
    for (uint64_t id = 1; id <= N; id++) {
        begin();
        put(id, LARGE);
        if (id > 10 && (id - 10) % 20)
            drop(id - 10);
        commit();
    }
    for (uint64_t id = N - 9; id <= N; id++) {
        begin();
        drop(id);
        commit();
    }
    for (uint64_t id = 20; id <= N - 10; id += 20, kept++)
        check_batch(id, LARGE);
    bytes = segments(&n);
    ck_assert_uint_le(bytes, 4 * kept * LARGE + SEGMENT + LARGE);
    ck_assert_uint_eq(open_again(false).n, kept);
    for (uint64_t id = 20; id <= N - 10; id += 20)
        check_batch(id, LARGE);
    begin();
    for (uint64_t id = 20; id <= N - 10; id += 20)
        drop(id);
    commit();
    ck_assert_uint_eq(open_again(false).n, 0);
    ck_assert_uint_eq(segments(&n), 0);
}
END_TEST

/* Acknowledged at once, as by a seek: no segment waits for a commit of its
 * own, nor do those that a crash left so. */
START_TEST(one_commit_gives_the_room_of_several_segments_back)
{
    enum {
        N = 4 * SEGMENT / LARGE
    };
    size_t n, kept = 0;

    open_again(false);
    for (uint64_t id = 1; id <= N; id++) {
        begin();
        put(id, LARGE);
        commit();
    }
    segments(&n);
    ck_assert_uint_ge(n, 4);
    begin();
    for (uint64_t id = 1; id <= N; id++)
        if (id % 20)
            drop(id);
        else
            kept++;
    if (_i) {
        struct err err = {0};

        ck_assert_int_eq(storage_end(file, &err), RC_OK);
        open_again(false);
    } else {
        commit();
    }
    while (storage_file_tidy(file)) {
    }
    ck_assert_uint_le(segments(&n), SEGMENT + LARGE + kept * LARGE);
    ck_assert_uint_le(n, 2);
    ck_assert_uint_eq(open_again(false).n, kept);
    for (uint64_t id = 20; id <= N; id += 20)
        check_batch(id, LARGE);
}
END_TEST

START_TEST(a_rollback_gives_its_room_back)
{
    size_t n;

    open_again(false);
    begin();
    put(1, LARGE);
    commit();
    begin();
    for (uint64_t id = 2; id <= 2 * SEGMENT / LARGE; id++)
        put(id, LARGE);
    storage_file_rollback(file);
    ck_assert_uint_eq(segments(&n), LARGE);
    check_batch(1, LARGE);
    begin();
    put(2, LARGE);
    commit();
    check_batch(2, LARGE);
    ck_assert_uint_eq(open_again(false).n, 2);
    check_batch(1, LARGE);
    check_batch(2, LARGE);
}
END_TEST

START_TEST(with_fsync_one_file_holds_all)
{
    size_t n;

    open_again(true);
    begin();
    put(1, LARGE);
    commit();
    ck_assert_uint_eq(segments(&n), 0);
    open_again(false); /* either way reads what the other wrote */
    check_batch(1, LARGE);
    begin();
    put(2, LARGE);
    commit();
    ck_assert_uint_eq(open_again(true).n, 2);
    check_batch(1, LARGE);
    check_batch(2, LARGE);
    begin();
    drop(1);
    drop(2);
    commit();
    ck_assert_uint_eq(open_again(true).n, 0);
    ck_assert_uint_eq(segments(&n), 0);
}
END_TEST

START_TEST(a_wipe_takes_the_segments_too)
{
    struct storage_step s = {.op = STORAGE_WIPE};
    size_t n;

    open_again(false);
    begin();
    for (uint64_t id = 1; id <= SEGMENT / LARGE + 2; id++)
        put(id, LARGE);
    commit();
    segments(&n);
    ck_assert_uint_eq(n, 2);
    begin();
    ck_assert_int_eq(step(&s), RC_OK);
    storage_file_rollback(file);
    check_batch(1, LARGE);
    begin();
    ck_assert_int_eq(step(&s), RC_OK);
    put(9, LARGE); /* what is loaded in its place */
    commit();
    check_gone(1);
    check_batch(9, LARGE);
    ck_assert_uint_eq(open_again(false).n, 1);
    check_batch(9, LARGE);
}
END_TEST

START_TEST(bytes_that_are_lost_are_said_by_file)
{
    struct storage_step s = {.op = STORAGE_READ_BATCH, .number = 1};
    char name[128];
    struct err err = {0};

    open_again(false);
    begin();
    put(1, LARGE);
    commit();
    snprintf(name, sizeof(name), "%s-messages-1", path);
    ck_assert_int_eq(truncate(name, LARGE / 2), 0);
    /* alone: it fails nothing else of its transaction */
    ck_assert_int_eq(storage_file_step(file, &s, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(s.damage, "pubsub.db-messages-1: shorter"));
    ck_assert_ptr_null(s.read);
    mem_free(s.damage);
    ck_assert_uint_eq(open_again(false).n, 1);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_uint_eq(open_again(false).n, 1);
    ck_assert_int_eq(storage_file_step(file, &s, &err), RC_OK);
    ck_assert_ptr_nonnull(strstr(s.damage, "pubsub.db-messages-1: is gone"));
    mem_free(s.damage);
    begin();
    drop(1); /* it can be done without */
    commit();
    ck_assert_uint_eq(open_again(false).n, 0);
}
END_TEST

/* As the release before wrote it. */
START_TEST(a_file_of_format_2_goes_on)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(
            db,
            "CREATE TABLE resource(number INTEGER PRIMARY KEY, kind INTEGER,"
            " topic INTEGER, secret INTEGER, deleted INTEGER, body BLOB,"
            " born INTEGER NOT NULL DEFAULT 0);"
            "CREATE TABLE acks(holder INTEGER PRIMARY KEY, done BLOB);"
            "CREATE TABLE ack_log(n INTEGER PRIMARY KEY, holder INTEGER,"
            " runs BLOB);"
            "CREATE TABLE batch(id INTEGER PRIMARY KEY, topic INTEGER,"
            " seq INTEGER, us INTEGER, n INTEGER, bytes BLOB NOT NULL);"
            "INSERT INTO batch VALUES (1, 1, 1, 1, 1, zeroblob(50000));"
            "PRAGMA application_id = 1684107379; PRAGMA user_version = 2;",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        struct found found = open_again(false);

        ck_assert_uint_eq(found.n, (size_t)i + 1);
        ck_assert_uint_eq(found.bytes, 50000 + (size_t)i * LARGE);
        begin();
        put((uint64_t)i + 2, LARGE);
        commit();
    }
    check_batch(2, LARGE);
    begin();
    drop(1);
    drop(2);
    commit();
    ck_assert_uint_eq(open_again(false).n, 1);
    check_batch(3, LARGE);
}
END_TEST

Suite *suite_storage_file(void);
Suite *suite_storage_file(void)
{
    Suite *suite = suite_create("storage file");
    TCase *t = tcase_create("files");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, batches_are_there_after_opening_again);
    tcase_add_test(t, a_rollback_leaves_what_was_there);
    tcase_add_test(t, what_a_crash_left_unnamed_is_overwritten_or_removed);
    tcase_add_test(t, the_room_of_an_empty_segment_is_used_again);
    tcase_add_test(t, a_few_batches_do_not_hold_the_room_of_all);
    tcase_add_loop_test(t, one_commit_gives_the_room_of_several_segments_back,
                        0, 2);
    tcase_add_test(t, a_rollback_gives_its_room_back);
    tcase_add_test(t, with_fsync_one_file_holds_all);
    tcase_add_test(t, a_wipe_takes_the_segments_too);
    tcase_add_test(t, bytes_that_are_lost_are_said_by_file);
    tcase_add_test(t, a_file_of_format_2_goes_on);
    suite_add_tcase(suite, t);
    return suite;
}
