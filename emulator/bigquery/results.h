/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of finished query jobs: kept, paged, shown; and the anonymous tables
 * by whose name clients may ask for them. */
#ifndef EMULATOR_BIGQUERY_RESULTS_H
#define EMULATOR_BIGQUERY_RESULTS_H

#include "emulator/bigquery/call.h"

/* Datasets of anonymous tables begin with an underscore. */
bool results_is_anonymous(struct str dataset);
/* tables.get and tabledata.list of one. */
void results_table_get(struct call *c);
void results_table_list(struct call *c);

#endif
