/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job runs whose request does not say: where the datasets are that it
 * names (page "BigQuery locations", specify locations). */
#ifndef EMULATOR_BIGQUERY_JOB_PLACE_H
#define EMULATOR_BIGQUERY_JOB_PLACE_H

#include <jansson.h>

#include "common/str.h"

struct db;

/* The location, owned, of the first dataset there is among those that a job's
 * configuration names; NULL: it names none. Threads: that of `db`. */
char *job_place_of(struct db *db, struct str project, const json_t *config);

#endif
