/* SPDX-License-Identifier: Apache-2.0 */
/* The table's schema, read from BigQuery's JSON form. It drives validation,
 * encoding of rows, the API's records, SQLite's DDL and the emulators.
 *
 * Immutable once loaded. Threads: any. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/rc.h"
#include "common/str.h"

enum schema_type {
#define TYPE(name, alias, json, sqlite) SCHEMA_##name,
#include "schema/types.def"
#undef TYPE
    SCHEMA_N_TYPES
};

enum schema_mode {
    SCHEMA_NULLABLE,
    SCHEMA_REQUIRED,
    SCHEMA_REPEATED
};

struct schema_field {
    struct str name;
    struct str description;
    enum schema_type type;
    enum schema_mode mode;
    /* Parameters of the type, 0 when there are none: characters of STRING,
     * bytes of BYTES, digits of NUMERIC and BIGNUMERIC. */
    int64_t max_length, precision, scale;
    struct schema_field *fields; /* RECORD only */
    size_t n_fields;
};

struct schema {
    struct schema_field *fields;
    size_t n_fields;
    size_t id;        /* index of `id`, STRING REQUIRED */
    size_t timestamp; /* index of `timestamp`, TIMESTAMP REQUIRED */
    uint64_t version; /* hash of names, types and modes: part of cache keys */
};

/* Reads a file, or the shipped schema if `path` is NULL or empty. Errors name
 * file, field and what to do. Caller owns `*out`. */
RC_MUST_USE int schema_load(const char *path, struct schema **out,
                            struct err *err);
/* The same from bytes (a JSON array, or {"fields":[...]}); `name` is for
 * errors. Does not demand `id` and `timestamp` unless `is_ours`. */
RC_MUST_USE int schema_parse(struct str json, const char *name, bool is_ours,
                             struct schema **out, struct err *err);
void schema_free(struct schema *schema);

/* Index of a field by exact name (BigQuery compares without case; so do we),
 * or -1. */
int schema_find(const struct schema_field *fields, size_t n, struct str name);

struct buf;
/* Appends the fields in BigQuery's JSON form, one line, descriptions left
 * out: equal texts, equal tables. */
void schema_render(const struct schema *schema, struct buf *out);

const char *schema_type_name(enum schema_type type); /* legacy: INTEGER */
const char *schema_mode_name(enum schema_mode mode);
/* The shipped schema file's bytes. */
struct str schema_shipped(void);

#endif
