/* SPDX-License-Identifier: Apache-2.0 */
/* Result codes, and the error that carries one together with its sentence.
 *
 * Functions that can fail return RC_OK (0) or a negative code; those whose
 * failure a person will read also take a `struct err *` (may be NULL).
 * Threads: any. */
#ifndef COMMON_RC_H
#define COMMON_RC_H

#include <stdbool.h>

enum rc {
#define RC(name, text, http, retry) RC_NEG_##name,
#include "common/rc.def"
#undef RC
    RC_COUNT,
#define RC(name, text, http, retry) RC_##name = -RC_NEG_##name,
#include "common/rc.def"
#undef RC
};

#define RC_MUST_USE __attribute__((warn_unused_result))

struct err {
    enum rc rc;
    char text[480]; /* one line: what, where, what to do; never secrets */
};

/* The code's constant text, HTTP status, and whether a repeat may succeed. */
const char *rc_text(int rc);
int rc_http_status(int rc);
bool rc_is_retryable(int rc);

/* Stores code and sentence (cut at the size of `text`); returns `rc`, so that
 * `return err_set(err, RC_INVALID, ...)` reads as one step. `err` may be
 * NULL. */
int err_set(struct err *err, enum rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
