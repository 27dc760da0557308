/* SPDX-License-Identifier: Apache-2.0 */
/* The names of tables in a text, before anything is known of them. */
#ifndef EMULATOR_BIGQUERY_SQL_PATHS_H
#define EMULATOR_BIGQUERY_SQL_PATHS_H

#include "common/str.h"

/* Calls `visit` for each in the order of the text, as its parts: of tables,
 * datasets that DDL names, CTEs, arrays of other tables alike. What does not
 * parse has those before the error. Threads: any. */
void sql_paths(struct str text,
               void (*visit)(void *arg, const struct str *part, size_t n),
               void *arg);

#endif
