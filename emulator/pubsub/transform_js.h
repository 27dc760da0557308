/* SPDX-License-Identifier: Apache-2.0 */
/* One JavaScript function that makes a message of a message, in an engine
 * (Duktape) with a heap of its own and a limit on it. It has no way to files,
 * network, clock ticks or other functions' heaps. How long it may run is the
 * caller's business: the engine cannot be stopped from within.
 * Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_JS_H
#define EMULATOR_PUBSUB_TRANSFORM_JS_H

#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"

enum {
    JS_HEAP_MAX = 64 << 20,
    JS_RESULT_MAX = 10 << 20 /* bytes of a message made */
};

struct js;

/* Runs `code`, which must define the function `name`. RC_MALFORMED: it is no
 * JavaScript that the engine knows; RC_INVALID: it failed, or there is no such
 * function. The text names line and reason. */
RC_MUST_USE int js_new(struct str name, struct str code, struct js **out,
                       struct err *err);
void js_free(struct js *js);

enum js_outcome {
    JS_KEPT,    /* `out` has the message, in the form of a batch's */
    JS_DROPPED, /* the function said null */
    JS_FAILED   /* `out` has the reason */
};

/* `message`: PubsubMessage's bytes; its ordering key goes over as it is.
 * Appends to `out`. */
enum js_outcome js_run(struct js *js, struct str message, uint64_t id,
                       int64_t publish_us, struct buf *out);

#endif
