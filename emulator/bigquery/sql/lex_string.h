/* SPDX-License-Identifier: Apache-2.0 */
/* Quoted literals; private to the lexer. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_LEX_STRING_H
#define EMULATOR_BIGQUERY_SQL_LEX_STRING_H

#include "emulator/bigquery/sql/lex.h"

enum quoted_flags {
    QUOTED_RAW = 1,
    QUOTED_BYTES = 2
};

/* `open` is the offset of the opening quote; lx->at stands on the literal's
 * first byte (its prefix). Moves lx->at behind it; -1 and lx->error else. */
int lex_quoted(struct lexer *lx, size_t open, enum quoted_flags flags,
               struct str *value);

#endif
