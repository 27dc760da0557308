/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a row of a BigQuery subscription's table
 * (cloud.google.com/pubsub/docs/bigquery: "Subscription properties").
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_EXPORT_ROW_H
#define EMULATOR_PUBSUB_EXPORT_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"

struct avro;
struct proto_schema;

enum export_by {
    EXPORT_WHOLE,    /* the data is one column */
    EXPORT_BY_TABLE, /* it is a JSON object: a column a member */
    EXPORT_BY_TOPIC  /* it is of the topic's schema: a column a field */
};

struct export_how {
    enum export_by by;
    bool drop_unknown; /* what has no column */
    bool metadata;
    const char *subscription; /* full name */
    json_t *columns;          /* the table's; owned: export_how_forget */
};
/* Takes the columns out of tables.get's answer. RC_SCHEMA: there is none for
 * what is to be written, or it is of another type, or one more wants a value;
 * and which. Fields of the topic's schema are export_decode.h's. */
RC_MUST_USE int export_how_learn(struct export_how *how, struct str table,
                                 struct err *err);
void export_how_forget(struct export_how *how);

struct export_message {
    struct str message; /* as stored */
    uint64_t id;
    int64_t publish_us;
    /* EXPORT_BY_TOPIC: of the revision it was published with */
    const struct avro *avro;
    const struct proto_schema *proto;
    bool is_json;
};
/* Appends one element of insertAll's `rows`. RC_INVALID, RC_SCHEMA: the data
 * fits no row, and why; nothing is appended. */
RC_MUST_USE int export_row_write(struct buf *out,
                                 const struct export_message *m,
                                 const struct export_how *how, struct err *err);

#endif
