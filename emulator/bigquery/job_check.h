/* SPDX-License-Identifier: Apache-2.0 */
/* What of a job's configuration is wrong before anything runs: kinds, tables
 * that are missing or have no name. Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_JOB_CHECK_H
#define EMULATOR_BIGQUERY_JOB_CHECK_H

#include <jansson.h>

#include "emulator/bigquery/reason.h"

/* QUERY, LOAD, COPY or EXTRACT, of the one kind in a configuration whose shape
 * was checked; static. NULL with `f`. */
const char *job_check(const json_t *config, struct fail *f);

#endif
