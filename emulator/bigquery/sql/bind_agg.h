/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by aggregates with and without OVER; private to them. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_AGG_H
#define EMULATOR_BIGQUERY_SQL_BIND_AGG_H

#include "emulator/bigquery/sql/bind_expr.h"

#include <stdlib.h>

struct bexpr *aggregate_call(struct binder *b, const struct ast_expr *x);
/* base->sql is "!X": the letter for bq_collect. */
struct bexpr *collect_call(struct binder *b, const struct ast_expr *x,
                           struct bexpr *base, struct bexpr **args, size_t n);

/* How bq_total makes of an array what an aggregate's SQLite text `call` does;
 * NULL: it does not. */
struct total {
    const char *call, *kind;
    bool decimal;
};
const struct total *total_of(const char *sql);

#endif
