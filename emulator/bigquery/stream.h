/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming buffer: rows that came by insertAll are seen by queries at
 * once, but not by tabledata.list, numRows and copies until they are flushed,
 * a few seconds later. Rows behind a table's rowid `buffered` are in it.
 *
 * Nothing is moved when it is flushed: the mark just has no meaning once
 * STREAM_FLUSH_US have passed. The lenient profile has no buffer. Threads:
 * that of the connection. */
#ifndef EMULATOR_BIGQUERY_STREAM_H
#define EMULATOR_BIGQUERY_STREAM_H

#include "emulator/bigquery/table.h"

#define STREAM_FLUSH_US (3 * 1000000LL)

/* Rows are to be added by insertAll: the mark is set if there is none. */
RC_MUST_USE int stream_mark(struct db *w, const struct table *t, int64_t now_us,
                            struct fail *f);
/* Other writers first empty the buffer. */
RC_MUST_USE int stream_flush(struct db *w, const struct table *t,
                             struct fail *f);
/* Last rowid that is not in the buffer now; INT64_MAX: there is none. */
int64_t stream_last_flushed(const struct table *t, int64_t now_us);
/* The member streamingBuffer, and numRows without its rows. */
void stream_put_buffer(json_t *resource, const struct table *t, int64_t now_us);

#endif
