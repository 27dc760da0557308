/* SPDX-License-Identifier: Apache-2.0 */
/* What in a JavaScript text is newer than the engine, which knows ES5 and
 * const: so that a refusal can name it. Says nothing of whether the text is
 * right. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_SYNTAX_H
#define EMULATOR_PUBSUB_TRANSFORM_SYNTAX_H

#include <stdbool.h>

#include "common/str.h"

struct newer_syntax {
    unsigned line;       /* from 1 */
    const char *what;    /* "arrow functions (=>)" */
    const char *instead; /* what to write: a clause */
};

/* The first of it in `code`; false: nothing newer was seen. */
bool transform_syntax_newer(struct str code, struct newer_syntax *out);

#endif
