/* SPDX-License-Identifier: Apache-2.0 */
/* The fault table: rules that make calls fail, late, vanish or happen twice.
 * Set with PUT /_emulator/faults, asked once a call.
 *
 * A call served through rpc.h is asked for by rpc.c, which also carries out
 * error, delay, drop and reset: such a service only looks at
 * rpc_call_is_doubled. Streaming calls and deliveries ask by themselves.
 * Threads: loop-confined. */
#ifndef EMULATOR_FAULTS_H
#define EMULATOR_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct faults;

enum fault_action {
    FAULT_NONE,
    FAULT_ERROR,     /* answer `status` (gRPC) or `http_status`, do nothing */
    FAULT_DELAY,     /* after `latency_us`, go on as if nothing was */
    FAULT_DROP,      /* never answer, do nothing */
    FAULT_DUPLICATE, /* do it twice: publish, deliver or insert two of each */
    FAULT_RESET      /* do it, then cut the stream or connection unanswered */
};

/* What a rule says for one call. `latency_us` may stand beside any action and
 * passes first. */
struct fault {
    enum fault_action action;
    int64_t latency_us;
    int status;      /* google.rpc.Code, never 0 for FAULT_ERROR */
    int http_status; /* for REST: given, or derived from `status` */
    char message[200];
};

/* `seed` makes probabilities repeatable. */
struct faults *faults_new(uint64_t seed);
void faults_free(struct faults *f);

/* Names a method that `service` asks faults_match for: a rule whose method
 * fits none that is known is refused. The texts outlive `f`. */
void faults_know(struct faults *f, const char *service, const char *method);

/* The first rule that matches, whose dice agree and whose count is not used
 * up; it counts as used. `service` is "pubsub" or "bigquery"; `method` the
 * RPC's full name ("google.pubsub.v1.Publisher/Publish") or
 * "tabledata.insertAll"; `resource` the full resource name. False, and
 * `out->action` FAULT_NONE, when none does; costs nothing while there are no
 * rules. */
bool faults_match(struct faults *f, struct str service, struct str method,
                  struct str resource, struct fault *out);

/* The JSON of the control API. Set replaces all rules or, when any is wrong,
 * none (`err` says which member of which rule). */
RC_MUST_USE int faults_set_json(struct faults *f, struct str json,
                                struct err *err);
void faults_render_json(const struct faults *f, struct buf *out);
void faults_clear(struct faults *f);

/* For the request ring; a constant, NULL for FAULT_NONE. */
const char *faults_name(enum fault_action action);

/* `*` any bytes, `?` one; the whole text must fit. */
bool faults_glob(struct str glob, struct str text);

#endif
