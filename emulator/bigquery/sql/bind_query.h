/* SPDX-License-Identifier: Apache-2.0 */
/* Queries, FROM and tables: from trees to SELECT texts. Private to the
 * bind_*.c files; memory is the binder's. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_QUERY_H
#define EMULATOR_BIGQUERY_SQL_BIND_QUERY_H

#include "emulator/bigquery/sql/bind.h"

/* --- queries ------------------------------------------------------------ */
/* `want`: types the columns must coerce to, NULL-ended; NULL: any. */
struct bquery *bind_query(struct binder *b, const struct ast_query *q,
                          struct scope *outer,
                          const struct sql_type *const *want);
struct bquery *bind_select(struct binder *b, const struct ast_select *s,
                           const struct ast_query *q, struct scope *outer,
                           const struct sql_type *const *want);
/* A subquery inside of an expression. */
struct bquery *bind_subquery(struct binder *b, const struct ast_query *q);
/* " ORDER BY" is the caller's; this is " LIMIT ..." or "". */
const char *limit_sql(struct binder *b, const struct ast_query *q);
/* A table expression for FROM: a lifted name, or "(...)". */
const char *lift(struct binder *b, const struct bquery *q);
const char *with_sql(struct binder *b);
const char *bind_from(struct binder *b, const struct ast_from *f,
                      struct scope *s);
const char *bind_table(struct binder *b, const struct ast_from *f,
                       struct scope *s);
const char *bind_wildcard(struct binder *b, const struct ast_path *path,
                          struct rel *rel, const char *alias_sql);
const char *bind_info_schema(struct binder *b, const struct ast_path *path,
                             struct rel *rel, const char *alias_sql);
void resolve_path(struct binder *b, const struct ast_path *path,
                  struct str *project, struct str *dataset, struct str *table);
struct sql_table *find_table(struct binder *b, const struct ast_path *path);
/* _PARTITIONTIME, which is `sql`, and _PARTITIONDATE; there is room for both.
 */
void add_pseudo(struct binder *b, struct rel *r, const char *sql, int ref);
/* A condition that must hold, on _TABLE_SUFFIX and constants: the tables where
 * it does not are not read. Others say nothing. */
void note_suffix(struct binder *b, const struct ast_expr *x);
int add_ref(struct binder *b, const struct sql_table *t, bool is_target);
void table_rel(struct binder *b, struct rel *r, const struct sql_table *t,
               const char *alias, int ref);
void note_filter(struct binder *b, const struct ast_expr *where);
/* ON's condition, or a WHEN's: a filter for check_partition_filters. The other
 * partitions of the target need not be read, or all must be all the same. */
void note_merge_filter(struct binder *b, const struct ast_expr *x,
                       bool narrows_target);
/* WHERE's bound text with what SQLite needs to use an index on a partition
 * column, and to leave it alone (wide.h). After note_filter; `all_rows`: see
 * there. */
const char *index_filter(struct binder *b, const struct ast_expr *where,
                         const char *sql, bool all_rows);
void check_partition_filters(struct binder *b, size_t first_ref, size_t at);

#endif
