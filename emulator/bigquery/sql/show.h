/* SPDX-License-Identifier: Apache-2.0 */
/* Stored values shown by their type: REST rows, JSON text, FORMAT's %t and
 * %T. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_SHOW_H
#define EMULATOR_BIGQUERY_SQL_SHOW_H

#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/sql.h"

/* `{"v":...}` contents: strings only, {"f":[...]}, arrays of {"v":...}. */
void show_rest(struct buf *out, const struct sql_type *t, const struct value *v,
               enum sql_ts_format ts);
/* What is wanted of a value: all of it, or some of its fields (those of an
 * ARRAY's elements). */
struct pick {
    const struct sql_type *type;
    bool whole;
    struct pick **fields; /* NULL: that one is not */
};
/* As show_rest, without what `p` does not want; NULL wants all. */
void show_picked(struct buf *out, const struct sql_type *t,
                 const struct pick *p, const struct value *v,
                 enum sql_ts_format ts);
enum show_mode {
    SHOW_STRING, /* TO_JSON_STRING: numbers beyond a double's are texts */
    SHOW_JSON,   /* TO_JSON: numbers stay numbers */
    SHOW_EXPORT  /* extract jobs: integers are texts, NULL members left out */
};
void show_json(struct buf *out, const struct sql_type *t, const struct value *v,
               enum show_mode mode);
/* %t: as CAST AS STRING does; %T: as a GoogleSQL literal; TIMESTAMPs in
 * `zone`. */
void show_text(struct buf *out, const struct sql_type *t, const struct value *v,
               const struct tz *zone, bool literal);
/* A type from its descriptor (quote.c): owned by `mem`. */
const struct sql_type *type_from_descriptor(struct arena *mem, struct str d);

#endif
