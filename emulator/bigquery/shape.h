/* SPDX-License-Identifier: Apache-2.0 */
/* What a request's body may hold: names, objects, lists, words. What the
 * service would not know is refused in its words (400), what this emulator
 * does not carry out by its name (501); shape.def has both.
 * Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_SHAPE_H
#define EMULATOR_BIGQUERY_SHAPE_H

#include <jansson.h>

#include "emulator/bigquery/call.h"
#include "emulator/bigquery/reason.h"

/* `message` names the body's shape ("Job"), `path` is how errors name it
 * ("job"). RC_INVALID with `f`. */
RC_MUST_USE int shape_check(const json_t *body, const char *message,
                            const char *path, struct fail *f);
/* The body of a call, checked; NULL with the call failed. Owned. The loop's
 * thread. */
json_t *shape_body(struct call *c, const char *message, const char *path);

#endif
