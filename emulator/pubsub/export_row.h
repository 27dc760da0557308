/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a row of a BigQuery subscription's table
 * (cloud.google.com/pubsub/docs/bigquery: "Subscription properties").
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_EXPORT_ROW_H
#define EMULATOR_PUBSUB_EXPORT_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"

/* What the table's schema says of the columns that matter here. */
struct export_columns {
    bool data_is_bytes;      /* else STRING or JSON */
    bool attributes_is_json; /* else STRING; in a row both are text */
};
/* From tables.get's answer. RC_SCHEMA and what is missing: `fields` has no
 * column for what is to be written. */
RC_MUST_USE int export_columns_read(struct str table, bool whole_data,
                                    bool metadata, struct export_columns *out,
                                    struct err *err);

struct export_message {
    struct str message; /* as stored */
    uint64_t id;
    int64_t publish_us;
};
struct export_how {
    bool by_fields; /* the data is a JSON object: a column a member */
    bool metadata;
    const char *subscription; /* full name */
    struct export_columns columns;
};
/* Appends one element of insertAll's `rows`. RC_INVALID: the data is no JSON
 * object; nothing is appended. */
RC_MUST_USE int export_row_write(struct buf *out,
                                 const struct export_message *m,
                                 const struct export_how *how, struct err *err);

#endif
