/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as the JSON type holds them, and what a JSONPath finds in them.
 * Texts in, texts out, no tree. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_JSON_NORM_H
#define EMULATOR_BIGQUERY_SQL_JSON_NORM_H

#include "common/buf.h"

/* Without blanks, keys in order, as BigQuery shows JSON values. `text` is one
 * well-formed JSON text. */
void json_normalize(struct str text, struct buf *out);

/* The JSON type has integers of 64 bits and FLOAT64, and takes a number only
 * if it is the same number again when shown (page "JSON functions", PARSE_JSON,
 * wide_number_mode exact). True: `number`, of the well-formed `text`, is none
 * of these. */
bool json_number_lost(struct str text, struct str *number);

enum json_found {
    JSON_FOUND,
    JSON_MISSING,
    JSON_BAD_PATH
};
/* The value under a path ($.a[0]."b".['c']), as written. Text that is not
 * JSON: missing. */
enum json_found json_find(struct str text, struct str path, struct str *out);
/* The number of steps in a path, or -1 if it is none. */
int json_path_check(struct str path);
/* One step off a path's front, behind its $: a name (quoted or not) with index
 * -1, or an index >= 0. False: no path. */
bool json_path_step(struct str *path, struct str *name, int64_t *index);
/* One step: a member by name, an element by number. */
bool json_member(struct str text, struct str name, struct str *out);
bool json_element(struct str text, int64_t index, struct str *out);
struct str json_trim(struct str text);
void json_pretty(struct str text, struct buf *out);

#endif
