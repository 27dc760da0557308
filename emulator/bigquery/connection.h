/* SPDX-License-Identifier: Apache-2.0 */
/* `connectionProperties` of a query: what a connection would have set for its
 * statements. Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_CONNECTION_H
#define EMULATOR_BIGQUERY_CONNECTION_H

#include <jansson.h>

#include "emulator/bigquery/reason.h"

struct connection {
    const char *zone;    /* of what names none; NULL: UTC */
    const char *project; /* of datasets without one; NULL: the job's */
};

/* `properties` (a list, or NULL) is borrowed as long as `*out` is used.
 * RC_INVALID with `f`: unknown, or not carried out here. */
RC_MUST_USE int connection_read(const json_t *properties,
                                struct connection *out, struct fail *f);

#endif
