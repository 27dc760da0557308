/* SPDX-License-Identifier: Apache-2.0 */
/* What a Google service's status and error body mean. Pure; threads: any. */
#ifndef NET_GOOGLE_ERROR_H
#define NET_GOOGLE_ERROR_H

#include "common/rc.h"
#include "common/str.h"

/* RC_OK for 2xx, else the code of google.h's table. */
int google_status_rc(int status);

/* The sentence of `{"error":{"message":...}}` or of OAuth's
 * `{"error":...,"error_description":...}` as one printable line; empty if
 * there is none. */
void google_error_text(struct str body, char *out, size_t size);

/* The word of the first `"reason":...`, such as rateLimitExceeded; empty if
 * there is none. */
void google_error_reason(struct str body, char *out, size_t size);

#endif
