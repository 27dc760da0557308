/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that a row leaves out and that have a DEFAULT expression. Threads:
 * that of the connection. */
#ifndef EMULATOR_BIGQUERY_BATCH_DEFAULT_H
#define EMULATOR_BIGQUERY_BATCH_DEFAULT_H

#include "emulator/bigquery/batch.h"

struct batch_defaults; /* the expressions, prepared once a batch */

/* Works the column's expression out for the batch's last row and adds the
 * cell; a row whose expression fails is refused. A NULL that is written out
 * stays one (page "Specify default column values"). False: no memory. */
bool batch_default(struct batch *b, struct batch_row *row, size_t column);
void batch_defaults_free(struct batch_defaults *d); /* NULL is fine */

#endif
