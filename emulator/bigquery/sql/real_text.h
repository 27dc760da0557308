/* SPDX-License-Identifier: Apache-2.0 */
/* FLOAT64 as text, in the three ways that BigQuery shows it. Pure.
 * `out` holds 40 bytes; the length is returned. */
#ifndef EMULATOR_BIGQUERY_SQL_REAL_TEXT_H
#define EMULATOR_BIGQUERY_SQL_REAL_TEXT_H

#include "common/str.h"

/* CAST AS STRING: the shortest that reads back; "1", "1.5", "1e+20", "inf",
 * "nan". */
size_t real_to_text(char *out, double v);
/* REST results: "1.0", "1.5", "1.0E20", "Infinity", "NaN". */
size_t real_to_rest(char *out, double v);

#endif
