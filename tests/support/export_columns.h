/* SPDX-License-Identifier: Apache-2.0 */
/* A table for the fuzzers of messages that become rows. */
#ifndef SUPPORT_EXPORT_COLUMNS_H
#define SUPPORT_EXPORT_COLUMNS_H

#include <jansson.h>

/* Columns that names of the corpus may meet. */
static inline json_t *export_fuzz_columns(void)
{
    return json_pack(
        "[{s:s,s:s},{s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:[{s:s,s:s}]}]", "name",
        "s", "type", "TIMESTAMP", "name", "n", "type", "NUMERIC", "name", "a",
        "type", "INT64", "mode", "REPEATED", "name", "r", "type", "RECORD",
        "fields", "name", "x", "type", "STRING");
}

#endif
