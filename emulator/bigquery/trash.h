/* SPDX-License-Identifier: Apache-2.0 */
/* Deleted datasets, which datasets.undelete brings back within their window of
 * time travel (Google's page "Restore deleted datasets"): seven days, or the
 * dataset's maxTimeTravelHours, by the emulator's clock. Their tables lie under
 * a project's name that nobody can have. The 20 newest are kept, and 1 GiB of
 * rows in all. `w` is the writer. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_TRASH_H
#define EMULATOR_BIGQUERY_TRASH_H

#include "emulator/bigquery/db.h"
#include "emulator/bigquery/reason.h"

/* The dataset and its tables are gone, but for trash_take. */
RC_MUST_USE int trash_put(struct db *w, struct str project, struct str dataset,
                          int64_t now_us, struct fail *f);
/* The newest that was deleted within [from, until). RC_EXISTS: there is one of
 * that name again; RC_NOT_FOUND; both with `f`. */
RC_MUST_USE int trash_take(struct db *w, struct str project, struct str dataset,
                           int64_t from_us, int64_t until_us, int64_t now_us,
                           struct fail *f);
/* Is there one that trash_trim would remove? */
bool trash_is_due(struct db *db, int64_t now_us);
RC_MUST_USE int trash_trim(struct db *w, int64_t now_us, struct fail *f);

#endif
