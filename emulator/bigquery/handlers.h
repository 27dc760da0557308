/* SPDX-License-Identifier: Apache-2.0 */
/* All methods of routes.def. */
#ifndef EMULATOR_BIGQUERY_HANDLERS_H
#define EMULATOR_BIGQUERY_HANDLERS_H

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/sql/sql.h"

#define ROUTE(name, method, path, on, handler) void handler(struct call *);
#include "emulator/bigquery/routes.def"
#undef ROUTE

/* What comes along with a load job: `len` bytes of `body`, which is taken. */
struct upload_body;
struct job_data {
    struct upload_body *body;
    size_t at, len;
};
/* Makes and starts a job from a body of jobs.insert (borrowed). Ends the call.
 * `data` may be NULL. */
void jobs_start(struct call *c, json_t *body, const struct job_data *data);

/* How a call wants its TIMESTAMPs. */
enum sql_ts_format list_ts_format(const struct call *c);

#endif
