/* SPDX-License-Identifier: Apache-2.0 */
/* Data that is a JSON object as a row of a table, by the table's own columns
 * (use_table_schema). Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_EXPORT_TABLE_H
#define EMULATOR_PUBSUB_EXPORT_TABLE_H

#include <jansson.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;

/* Appends the row's members, without braces, in insertAll's form; numbers keep
 * every digit. Members without a column are insertAll's to refuse or to drop.
 * RC_INVALID: it fits no row, and why; RC_NOMEM. Part of it may then be there.
 */
RC_MUST_USE int export_table_put(struct buf *out, const json_t *columns,
                                 struct str data, struct err *err);

#endif
