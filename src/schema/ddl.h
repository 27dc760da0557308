/* SPDX-License-Identifier: Apache-2.0 */
/* A table schema as SQLite's data definition, and whether a table that is
 * there can become the one that is wanted. Pure; threads: any. */
#ifndef SCHEMA_DDL_H
#define SCHEMA_DDL_H

#include "schema/schema.h"

struct buf;

/* More columns SQLite does not take. */
enum {
    DDL_COLUMNS_MAX = 2000
};

/* `"contenido" TEXT`, with NOT NULL where REQUIRED. */
void ddl_column(const struct schema_field *f, struct buf *out);
/* Our table and its indexes, if they are not there yet. Rows lie in the order
 * in which they are read: newest first is a walk from the table's end. */
void ddl_create(const struct schema *schema, struct str table, struct buf *out);

/* Can a table of schema `have` serve schema `want` once NULLABLE columns are
 * added? Those are told as indexes into want->fields: `added` holds
 * want->n_fields. RC_INVALID names the column that differs, and `where`. */
RC_MUST_USE int ddl_compare(const struct schema *have,
                            const struct schema *want, const char *where,
                            size_t *added, size_t *n_added, struct err *err);
/* The same of one column, when only SQLite's word for it is known. */
bool ddl_column_is(const struct schema_field *f, struct str type,
                   bool not_null);

#endif
