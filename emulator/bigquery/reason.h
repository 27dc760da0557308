/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request failed, in BigQuery's words. Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_REASON_H
#define EMULATOR_BIGQUERY_REASON_H

#include "common/rc.h"

struct buf;

/* A failure while it travels to its answer. `reason` NULL: none. */
struct fail {
    const char *reason; /* a row of reason.def */
    char location[320]; /* errors[].location: a column, "query" */
    char text[1100];
};

/* Returns RC_INVALID, so that `return fail_set(...)` is one step. */
int fail_set(struct fail *f, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* What storage said (db.h): full disks and the like are backendError. */
int fail_from_err(struct fail *f, const struct err *err);

/* The table's own constant for a reason's text. */
const char *reason_name(const char *reason);
int reason_http(const char *reason);
int reason_code(const char *reason); /* google.rpc.Code */
/* The reason that stands for an HTTP status of the fault table. */
const char *reason_of_http(int status);

/* {"reason","location","message"} as errorResult and errors[] have it. */
void reason_put_proto(struct buf *out, const struct fail *f);
/* The whole error body of an answer; `http_status` 0: the reason's. */
void reason_put_body(struct buf *out, const struct fail *f, int http_status);

#endif
