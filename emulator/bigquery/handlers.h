/* SPDX-License-Identifier: Apache-2.0 */
/* All methods of routes.def. */
#ifndef EMULATOR_BIGQUERY_HANDLERS_H
#define EMULATOR_BIGQUERY_HANDLERS_H

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/sql/sql.h"

#define ROUTE(name, method, path, on, handler) void handler(struct call *);
#include "emulator/bigquery/routes.def"
#undef ROUTE

/* How a call wants its TIMESTAMPs. */
enum sql_ts_format list_ts_format(const struct call *c);

#endif
