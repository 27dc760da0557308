/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets made and dropped, by REST, DDL and provisioning alike. `w` is the
 * writer. Threads: that of the connection. */
#ifndef EMULATOR_BIGQUERY_DATASET_H
#define EMULATOR_BIGQUERY_DATASET_H

#include <jansson.h>

#include "emulator/bigquery/db.h"
#include "emulator/bigquery/reason.h"

/* `from`: a dataset resource; only what users may set counts. RC_EXISTS with
 * `f`. */
RC_MUST_USE int dataset_create(struct db *w, struct str project,
                               struct str name, const json_t *from,
                               int64_t now_us, struct fail *f);
/* `patch` is merged into what users have set. */
RC_MUST_USE int dataset_patch(struct db *w, struct str project, struct str name,
                              const json_t *patch, int64_t now_us,
                              struct fail *f);
/* Into the trash (trash.h). */
RC_MUST_USE int dataset_drop(struct db *w, struct str project, struct str name,
                             bool with_contents, int64_t now_us,
                             struct fail *f);

#endif
