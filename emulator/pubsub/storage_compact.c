/* SPDX-License-Identifier: Apache-2.0 */
/* A segment is removed when nothing in it is needed: one message that nobody
 * acknowledges must not hold the room of 32 MB of others. */
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/storage_file_priv.h"

struct located {
    uint64_t id;
    struct segment_place place;
};

static int list_segment(struct storage_file *f, const struct segment_holes *h,
                        struct buf *out, struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_LIST_SEGMENT];
    int got, rc = RC_OK;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)h->low);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)h->high);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)h->file);
    while ((got = sqlite3_step(st)) == SQLITE_ROW) {
        struct located at = {
            .id = storage_number(st, 0),
            .place = {.file = h->file,
                      .at = storage_number(st, 1),
                      .len = (uint32_t)sqlite3_column_int(st, 2)}};

        buf_append(out, &at, sizeof(at));
    }
    if (got != SQLITE_DONE)
        rc = storage_fail(f, err);
    sqlite3_reset(st);
    return rc;
}

static int move(struct storage_file *f, const struct located *from,
                struct err *err)
{
    sqlite3_stmt *st = f->statements[ST_MOVE_BATCH];
    struct segment_place to;
    char *bytes = NULL;
    int rc = storage_read_place(f, &from->place, &bytes, err);

    if (rc == RC_OK)
        rc = segments_append(f->segments, from->id,
                             str_of(bytes, from->place.len), &to, err);
    mem_free(bytes);
    if (rc)
        return rc;
    segments_release(f->segments, &from->place);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)to.file);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)to.at);
    return storage_run_number(f, ST_MOVE_BATCH, from->id, err);
}

static int move_all(struct storage_file *f, const struct segment_holes *h,
                    struct err *err)
{
    struct buf list;
    int rc;

    buf_init(&list, SIZE_MAX / 4);
    rc = list_segment(f, h, &list, err);
    for (size_t at = 0; rc == RC_OK && at < list.len;
         at += sizeof(struct located)) {
        struct located one;

        memcpy(&one, list.data + at, sizeof(one));
        rc = move(f, &one, err);
    }
    buf_fini(&list);
    return rc;
}

void storage_compact(struct storage_file *f, const struct segment_holes *h)
{
    struct err err;
    int rc = storage_file_begin(f, &err);

    if (rc == RC_OK)
        rc = move_all(f, h, &err);
    if (rc == RC_OK)
        rc = storage_end(f, &err);
    if (rc == RC_OK)
        return;
    storage_file_rollback(f);
    LOG_D("room of acknowledged messages is not given back yet: %s", err.text);
}
