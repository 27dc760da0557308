/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a message as BigQuery's column takes it: the mappings of
 * cloud.google.com/pubsub/docs/bigquery ("Schema compatibility"), numbers for
 * dates and times as the Storage Write API reads them.
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_EXPORT_VALUE_H
#define EMULATOR_PUBSUB_EXPORT_VALUE_H

#include <jansson.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

enum export_kind {
    EXPORT_BOOL,
    EXPORT_INT,
    EXPORT_UINT,
    EXPORT_FLOAT,
    EXPORT_TEXT,
    EXPORT_BYTES,
    EXPORT_DECIMAL,   /* bytes: two's complement, big-endian; `scale` */
    EXPORT_DATE,      /* i: days since 1970 */
    EXPORT_TIME,      /* i: microseconds since midnight */
    EXPORT_TIMESTAMP, /* i: microseconds since 1970 */
    EXPORT_DATETIME,  /* the same, without a zone */
    EXPORT_ENUM,      /* i: its number; text: its name */
    EXPORT_RECORD     /* only asked for by export_takes */
};

struct export_value {
    enum export_kind kind;
    unsigned scale;
    int64_t i;
    uint64_t u;
    double f;
    struct str text; /* or bytes; borrowed */
};

/* The column of that name (BigQuery's are the same in any case), or NULL.
 * `columns`: the array of a table's or a RECORD's `fields`. */
const json_t *export_column(const json_t *columns, struct str name);
bool export_is_repeated(const json_t *column);
/* REQUIRED, and without a default: it wants a value. */
bool export_is_required(const json_t *column);
bool export_is_integer(const json_t *column);
/* TIMESTAMP, DATETIME, DATE or TIME, which integers stand for. */
bool export_is_time(const json_t *column);
/* Can a column hold values of this kind? */
bool export_takes(const json_t *column, enum export_kind kind);
/* RC_SCHEMA: a column wants a value (export_is_required) that nobody writes,
 * and which. `metadata`: write_metadata's columns are written. */
RC_MUST_USE int export_check_required(const json_t *columns, bool metadata,
                                      bool (*is_written)(const void *arg,
                                                         struct str name),
                                      const void *arg, struct err *err);
/* RC_SCHEMA: no, and what does not fit. */
RC_MUST_USE int export_check_takes(const json_t *column, enum export_kind kind,
                                   bool repeated, struct err *err);

/* The value in insertAll's form; a new reference. RC_INVALID, RC_SCHEMA. */
RC_MUST_USE int export_value_json(const json_t *column,
                                  const struct export_value *v, json_t **out,
                                  struct err *err);

#endif
