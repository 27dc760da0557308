/* SPDX-License-Identifier: Apache-2.0 */
/* GoogleSQL's types, their names, and columns made of them.
 * Immutable once made. Threads: any. */
#ifndef EMULATOR_BIGQUERY_SQL_TYPE_H
#define EMULATOR_BIGQUERY_SQL_TYPE_H

#include "common/str.h"
#include "emulator/bigquery/sql/arena.h"

enum sql_type_kind {
#define SQLTYPE(name, letter, legacy, sqlite) T_##name,
#include "emulator/bigquery/sql/type.def"
#undef SQLTYPE
    T_ARRAY,
    T_STRUCT,
    T_N
};

struct sql_type;

struct sql_field {
    struct str name; /* may be empty in a STRUCT */
    const struct sql_type *type;
};

struct sql_type {
    enum sql_type_kind kind;
    const struct sql_type *elem;    /* ARRAY */
    const struct sql_field *fields; /* STRUCT */
    size_t n_fields;
};

/* A column of a table or of a result. REPEATED is an ARRAY type. */
struct sql_column {
    struct str name;
    const struct sql_type *type;
    bool required;
    bool hidden; /* pseudo column: not in * */
    struct str description;
    const char *default_sql;         /* DEFAULT expression, or NULL */
    const char *policy_tags;         /* as JSON, kept for clients; or NULL */
    int64_t max_length;              /* STRING(n), BYTES(n); 0: none */
    int precision, scale;            /* NUMERIC(p, s); precision 0: none */
    const struct sql_column *fields; /* STRUCT (also of an ARRAY), in DDL and
                                        table schemas: the fields' own facts */
    size_t n_fields;
};

/* The one object of a scalar type. */
const struct sql_type *type_scalar(enum sql_type_kind kind);
const struct sql_type *type_array(struct arena *a, const struct sql_type *elem);
const struct sql_type *type_struct(struct arena *a,
                                   const struct sql_field *fields, size_t n);
/* The same with INT64 for every NULL without a type, also inside. */
const struct sql_type *type_settled(struct arena *a, const struct sql_type *t);
bool type_eq(const struct sql_type *a, const struct sql_type *b);

/* By GoogleSQL or legacy name, any case (RECORD and STRUCT: T_STRUCT); T_N if
 * there is none. */
enum sql_type_kind type_by_name(struct str name);
/* `ARRAY<STRUCT<a INT64, STRING>>` */
const char *type_name(struct arena *a, const struct sql_type *t);
/* The same of a column, with its parameters: `ARRAY<STRUCT<a NUMERIC(5, 2)>>`.
 * `whole`: and with what else DDL says of its fields, NOT NULL and
 * descriptions. */
const char *column_type_text(struct arena *a, const struct sql_column *c,
                             bool whole);
const char *type_legacy_name(enum sql_type_kind kind); /* INTEGER, RECORD */
char type_letter(const struct sql_type *t);            /* see type.def */
/* Declared type of the physical SQLite column. */
const char *type_sqlite(const struct sql_type *t);

/* Prefixes that no column's name may have, any case (page "Schemas"). */
bool name_is_reserved(struct str name);

/* INTERVALs, which are both in GoogleSQL, are neither here: their texts do not
 * sort, and two may be equal (1 day, 24 hours). */
bool type_is_orderable(const struct sql_type *t);
bool type_is_groupable(const struct sql_type *t);

#endif
