/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a topic's schema as rows of a table (use_topic_schema): a
 * field's value goes into the column of its name.
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_EXPORT_DECODE_H
#define EMULATOR_PUBSUB_EXPORT_DECODE_H

#include <jansson.h>

#include "common/rc.h"
#include "common/str.h"

struct avro;
struct proto_schema;

struct export_into {
    const json_t *columns; /* the table's */
    bool drop_unknown;     /* fields without a column; else RC_SCHEMA */
    bool metadata;         /* its columns are filled beside the fields' */
};

/* Has each field a column that can hold it, and each column that wants a value
 * a field? RC_SCHEMA and what does not fit. */
RC_MUST_USE int export_avro_fits(const struct avro *a,
                                 const struct export_into *into,
                                 struct err *err);
RC_MUST_USE int export_proto_fits(const struct proto_schema *s,
                                  const struct export_into *into,
                                  struct err *err);

/* The row, in insertAll's form; a new reference. RC_INVALID, RC_SCHEMA. */
RC_MUST_USE int export_avro_json(const struct avro *a, struct str message,
                                 bool is_json, const struct export_into *into,
                                 json_t **out, struct err *err);
RC_MUST_USE int export_proto_json(const struct proto_schema *s,
                                  struct str message, bool is_json,
                                  const struct export_into *into, json_t **out,
                                  struct err *err);

#endif
