/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of --config and of the start: datasets and tables with their
 * rows. Threads: loop-confined. */
#ifndef EMULATOR_BIGQUERY_PROVIDE_H
#define EMULATOR_BIGQUERY_PROVIDE_H

#include "common/rc.h"
#include "common/str.h"

struct bigquery;

/* One object or an array of objects: {"project", "datasets": [{"datasetId",
 * ..., "tables": [{"tableId", ..., "rows": [{...}]}]}]}. Members are those of
 * the REST resources. What exists already stays as it is. */
RC_MUST_USE int provide_resources(struct bigquery *bq, struct str json,
                                  struct err *err);

#endif
