/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind storage_file.h share: the tables and segments of one
 * state. */
#ifndef EMULATOR_PUBSUB_STORAGE_FILE_PRIV_H
#define EMULATOR_PUBSUB_STORAGE_FILE_PRIV_H

#include <sqlite3.h>

#include "emulator/pubsub/segments.h"
#include "emulator/pubsub/storage_file.h"

#define STATEMENTS(S)                                                          \
    S(BEGIN, "BEGIN IMMEDIATE")                                                \
    S(COMMIT, "COMMIT")                                                        \
    S(PUT_BATCH,                                                               \
      ("INSERT INTO batch(id, topic, seq, us, n, bytes, file, at, len) "       \
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"))                         \
    S(DROP_INLINE, "DELETE FROM batch WHERE id = ?1 AND file = 0")             \
    S(DROP_BATCH, "DELETE FROM batch WHERE id = ?1")                           \
    S(FIND_BATCH, "SELECT file, at, len FROM batch WHERE id = ?1")             \
    S(READ_BATCH, "SELECT bytes, file, at, len FROM batch WHERE id = ?1")      \
    S(LIST_SEGMENT,                                                            \
      "SELECT id, at, len FROM batch WHERE id BETWEEN ?1 AND ?2 AND file=?3")  \
    S(MOVE_BATCH, "UPDATE batch SET file = ?2, at = ?3 WHERE id = ?1")         \
    S(LOG_ACKS, "INSERT INTO ack_log(holder, runs) VALUES (?1, ?2)")           \
    S(PUT_ACKS, "INSERT OR REPLACE INTO acks VALUES (?1, ?2)")                 \
    S(END_LOG, "DELETE FROM ack_log WHERE holder = ?1")                        \
    S(PUT_RESOURCE,                                                            \
      "INSERT OR REPLACE INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")   \
    S(DROP_RESOURCE, "DELETE FROM resource WHERE number = ?1")                 \
    S(DROP_ACKS, "DELETE FROM acks WHERE holder = ?1")                         \
    S(LOG_ATTEMPTS, "INSERT INTO attempts(holder, pairs) VALUES (?1, ?2)")     \
    S(DROP_ATTEMPTS, "DELETE FROM attempts WHERE holder = ?1")

enum statement {
#define S(name, sql) ST_##name,
    STATEMENTS(S)
#undef S
    ST_COUNT
};

struct storage_file {
    sqlite3 *db;
    char *path;
    bool fsync;
    struct segments *segments;
    sqlite3_stmt *statements[ST_COUNT];
};

static inline uint64_t storage_number(sqlite3_stmt *st, int at)
{
    return (uint64_t)sqlite3_column_int64(st, at);
}

/* The last failure of SQLite's, with the file's name and what to do. */
int storage_fail(const struct storage_file *f, struct err *err);
RC_MUST_USE int storage_exec(struct storage_file *f, const char *sql,
                             struct err *err);
/* Runs the statement with `number` as its first parameter. */
RC_MUST_USE int storage_run_number(struct storage_file *f, enum statement which,
                                   uint64_t number, struct err *err);
/* COMMIT, of the segments too. */
RC_MUST_USE int storage_end(struct storage_file *f, struct err *err);
/* The place's bytes and a NUL; *out: mem_free. */
RC_MUST_USE int storage_read_place(struct storage_file *f,
                                   const struct segment_place *place,
                                   char **out, struct err *err);

/* Makes the tables, or brings an older file's up to date. */
RC_MUST_USE int storage_format(struct storage_file *f, struct err *err);
/* Do the disk and the tables take what is written? Leaves both as they are. */
RC_MUST_USE int storage_probe(struct storage_file *f, struct err *err);
/* The few batches of a segment that is mostly holes move to the last one, in a
 * transaction of their own. What fails is left as it is, until more of the
 * segment goes. */
void storage_compact(struct storage_file *f, const struct segment_holes *h);

#endif
