/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/stream.h"

#include "common/mem.h"

static bool is_live(const struct table *t, int64_t now_us)
{
    return t->buffered >= 0 && now_us < t->buffered_us + STREAM_FLUSH_US &&
           now_us >= t->buffered_us - STREAM_FLUSH_US;
}

int64_t stream_last_flushed(const struct table *t, int64_t now_us)
{
    return is_live(t, now_us) ? t->buffered : INT64_MAX;
}

int stream_mark(struct db *w, const struct table *t, int64_t now_us,
                struct fail *f)
{
    struct err err = {0};
    int64_t last = 0;
    int rc;

    if (is_live(t, now_us))
        return RC_OK;
    rc = table_last_row(w, t, &last, f);
    if (rc)
        return rc;
    rc = db_run(w, &err,
                "UPDATE tables SET buffered = ?, buffered_us = ? WHERE id = ?",
                "iii", last, now_us, t->id);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

int stream_flush(struct db *w, const struct table *t, struct fail *f)
{
    struct err err = {0};
    int rc;

    if (t->buffered < 0)
        return RC_OK;
    rc = db_run(w, &err,
                "UPDATE tables SET buffered = NULL, buffered_us = 0"
                " WHERE id = ?",
                "i", t->id);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

void stream_put_buffer(json_t *resource, const struct table *t, int64_t now_us)
{
    /* rows are numbered without gaps as long as nothing was deleted behind
     * the mark, which the buffer forbids */
    int64_t n = t->buffered_rows;
    int64_t bytes = t->n_rows > 0 ? t->n_bytes / t->n_rows * n : 0;

    if (!is_live(t, now_us) || n <= 0)
        return;
    json_object_set_new(
        resource, "streamingBuffer",
        json_pack("{s:o, s:o, s:o}", "estimatedRows",
                  json_sprintf("%lld", (long long)n), "estimatedBytes",
                  json_sprintf("%lld", (long long)bytes), "oldestEntryTime",
                  json_sprintf("%lld", (long long)(t->buffered_us / 1000))));
    json_object_set_new(resource, "numRows",
                        json_sprintf("%lld", (long long)(t->n_rows - n)));
    json_object_set_new(resource, "numBytes",
                        json_sprintf("%lld", (long long)(t->n_bytes - bytes)));
}
