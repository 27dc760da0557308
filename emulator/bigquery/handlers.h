/* SPDX-License-Identifier: Apache-2.0 */
/* All methods of routes.def. */
#ifndef EMULATOR_BIGQUERY_HANDLERS_H
#define EMULATOR_BIGQUERY_HANDLERS_H

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/sql/sql.h"

#define ROUTE(name, method, path, on, handler) void handler(struct call *);
#include "emulator/bigquery/routes.def"
#undef ROUTE

/* Makes and starts a job from a body of jobs.insert (borrowed); `upload` is
 * taken. Ends the call. */
struct upload_body;
void jobs_start(struct call *c, json_t *body, struct upload_body *upload);

/* How a call wants its TIMESTAMPs. */
enum sql_ts_format list_ts_format(const struct call *c);

#endif
