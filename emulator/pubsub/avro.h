/* SPDX-License-Identifier: Apache-2.0 */
/* Avro schemas (avro.apache.org/docs/1.11.1/specification): parsed into a tree
 * of types, and messages checked against it in both encodings.
 *
 * Our own instead of libavro, which reads no JSON encoding, decodes into values
 * that nobody here wants, and brings four more libraries to every start.
 * Pure; threads: any. A parsed schema is never changed. */
#ifndef EMULATOR_PUBSUB_AVRO_H
#define EMULATOR_PUBSUB_AVRO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/rc.h"
#include "common/str.h"

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_ARRAY, /* of branches[0] */
    AVRO_MAP,   /* of branches[0] */
    AVRO_UNION, /* of branches */
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_FIXED
};

/* What a number or bytes mean. Those not known mean nothing, as Avro wants. */
enum avro_logical {
    AVRO_PLAIN,
    AVRO_DATE,
    AVRO_TIME_MILLIS,
    AVRO_TIME_MICROS,
    AVRO_TIMESTAMP_MILLIS,
    AVRO_TIMESTAMP_MICROS,
    AVRO_LOCAL_MILLIS, /* local-timestamp-... */
    AVRO_LOCAL_MICROS,
    AVRO_DECIMAL
};

enum {
    AVRO_MAX_DEPTH = 64 /* of values, and of types in a schema */
};

struct avro_field {
    struct str name;
    const struct avro_type *type;
    bool has_default;
};

struct avro_type {
    enum avro_kind kind;
    enum avro_logical logical;
    unsigned scale;  /* AVRO_DECIMAL */
    struct str name; /* full; of records, enums, fixed */
    size_t n;        /* fields, symbols, branches */
    struct avro_field *fields;
    struct str *symbols;
    const struct avro_type **branches;
    bool has_default; /* AVRO_ENUM: a symbol for those not known */
    size_t size;      /* AVRO_FIXED */
    struct avro_type *next;
};

struct avro;

/* Returns owned. RC_INVALID: `err` says what is wrong with the schema. */
RC_MUST_USE int avro_parse(struct str text, struct avro **out, struct err *err);
void avro_free(struct avro *a);
const struct avro_type *avro_root(const struct avro *a);
/* "string", or the full name of what has one. */
struct str avro_type_name(const struct avro_type *t);

/* Is it one value of the schema, and nothing behind it? RC_INVALID and why. */
RC_MUST_USE int avro_check_json(const struct avro *a, struct str message,
                                struct err *err);
RC_MUST_USE int avro_check_binary(const struct avro *a, struct str message,
                                  struct err *err);

/* Can what was written with `writer` be read with `reader`, by the rules of
 * schema resolution? RC_INVALID and why not. */
RC_MUST_USE int avro_check_resolves(const struct avro *reader,
                                    const struct avro *writer, struct err *err);

#endif
