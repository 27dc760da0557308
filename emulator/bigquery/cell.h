/* SPDX-License-Identifier: Apache-2.0 */
/* Values as they come (JSON of insertAll and of load jobs, fields of CSV),
 * checked against a column and brought into the form in which GoogleSQL's
 * engine stores them (sql/README.md). Threads: one at a time. */
#ifndef EMULATOR_BIGQUERY_CELL_H
#define EMULATOR_BIGQUERY_CELL_H

#include <sqlite3.h>

#include "common/buf.h"
#include "common/json.h"
#include "emulator/bigquery/sql/type.h"

enum cell_kind {
    CELL_NULL,
    CELL_INT,
    CELL_REAL,
    CELL_TEXT,
    CELL_BLOB
};

struct cell {
    uint32_t column;
    uint32_t kind;
    union {
        int64_t i;
        double d;
        struct str s;
    };
};

/* Memory of values that do not lie in the input: many small pieces, given
 * back at once. */
struct cell_mem {
    struct cell_chunk *head;
    size_t used, cap;
};
void cell_mem_fini(struct cell_mem *m);
/* NULL when memory is gone. */
char *cell_mem_take(struct cell_mem *m, size_t len);

/* Why a value was refused: the path of its column, and a sentence. */
struct cell_error {
    char path[320];
    char text[400];
};

struct cell_reader {
    struct json_scan *scan;
    struct cell_mem *mem;
    bool ignore_unknown; /* members of records that the schema lacks */
    bool json_objects;   /* JSON columns take any value (load), not only a
                            text (insertAll) */
    bool no_memory;
    struct cell_error *error;
    size_t path_len;
    bool refused; /* `error` is set */
    struct buf scratch;
};
void cell_reader_init(struct cell_reader *r, struct json_scan *scan,
                      struct cell_mem *mem, struct cell_error *error);
void cell_reader_fini(struct cell_reader *r);

/* The value that begins with `t` (it is consumed). False: malformed JSON or
 * no memory; a refusal is in r->error. Texts without escapes are borrowed
 * from the input. */
bool cell_read(struct cell_reader *r, const struct sql_column *c,
               const struct json_token *t, struct cell *out);
/* Moves behind the value that begins with `t`; false if it is malformed. */
bool cell_skip(struct json_scan *scan, const struct json_token *t);
/* Notes the first refusal. */
void cell_refuse(struct cell_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
size_t cell_path_push(struct cell_reader *r, struct str name);
void cell_path_pop(struct cell_reader *r, size_t len);

/* --- scalars (cell_scalar.c) ---------------------------------------------- */

/* A text as a value of the column's type. NULL, or a sentence why not (in
 * `why`, which holds 400). Texts are borrowed, or in `mem`. */
const char *cell_from_text(const struct sql_column *c, struct str text,
                           struct cell_mem *mem, struct buf *scratch,
                           struct cell *out, char *why);
/* A JSON number, as written. */
const char *cell_from_number(const struct sql_column *c, struct str text,
                             struct cell_mem *mem, struct buf *scratch,
                             struct cell *out, char *why);

/* Bytes that the value counts for (page "Data size calculation"). */
int64_t cell_size(const struct sql_column *c, const struct cell *v);
int cell_bind(sqlite3_stmt *s, int at, const struct cell *v);

#endif
