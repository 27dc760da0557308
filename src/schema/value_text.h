/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical texts of DATE, TIME, DATETIME, NUMERIC and BIGNUMERIC. Private to
 * src/schema. Pure; threads: any. */
#ifndef SCHEMA_VALUE_TEXT_H
#define SCHEMA_VALUE_TEXT_H

#include "common/buf.h"
#include "schema/schema.h"

/* Appends the canonical text of a value of `type`; NULL, or a constant reason
 * why it is none (`out` may hold a part then). */
const char *value_text(enum schema_type type, struct str text, struct buf *out);

#endif
