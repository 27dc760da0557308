/* SPDX-License-Identifier: Apache-2.0 */
/* The BigQuery service's door. */
#ifndef EMULATOR_BIGQUERY_BIGQUERY_H
#define EMULATOR_BIGQUERY_BIGQUERY_H

#include "emulator/service.h"

/* Returns owned (its `free` frees it); NULL and `err` when its storage cannot
 * be opened. */
struct service *bigquery_new(struct emulator *e, struct err *err);

#endif
