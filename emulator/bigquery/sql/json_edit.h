/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values changed at a path (JSON_SET, JSON_REMOVE and their like, page
 * "JSON functions"). Texts in, texts out; well-formed in, well-formed out. A
 * path has passed json_path_check. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_JSON_EDIT_H
#define EMULATOR_BIGQUERY_SQL_JSON_EDIT_H

#include "common/buf.h"

enum json_edit_kind {
    JSON_EDIT_SET,     /* replaces, or makes the rest of the path */
    JSON_EDIT_REPLACE, /* only what is there */
    JSON_EDIT_REMOVE,
    JSON_EDIT_APPEND, /* to an array or a null */
    JSON_EDIT_INSERT  /* before an element of an array, or into a null */
};

/* `value`: a JSON text; for APPEND and INSERT any number of them, with commas
 * between. Appends the whole of `text` as it is then to `out`, not in the
 * order of its keys. False, with `out` as it was, if nothing is to change. */
bool json_edit(enum json_edit_kind kind, struct str text, struct str path,
               struct str value, struct buf *out);

/* JSON_STRIP_NULLS of all of `text`. */
void json_strip_nulls(struct str text, bool arrays, bool remove_empty,
                      struct buf *out);

#endif
