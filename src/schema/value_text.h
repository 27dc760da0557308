/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical texts of DATE, TIME, DATETIME, NUMERIC and BIGNUMERIC. Private to
 * src/schema. Pure; threads: any. */
#ifndef SCHEMA_VALUE_TEXT_H
#define SCHEMA_VALUE_TEXT_H

#include "common/buf.h"
#include "schema/schema.h"

/* Appends the canonical text of a value of the field's type; NULL, or a
 * constant reason why it is none (`out` may hold a part then). */
const char *value_text(const struct schema_field *f, struct str text,
                       struct buf *out);
/* The same of a decimal with at most `whole` digits before the point and
 * `scale` behind it; an exponent is worked in, needless zeros are dropped. */
const char *value_decimal(struct str text, int whole, int scale,
                          struct buf *out);

#endif
