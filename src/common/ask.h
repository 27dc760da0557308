/* SPDX-License-Identifier: Apache-2.0 */
/* One blocking HTTP GET whose status line is all that matters: health checks
 * in images without a shell. Threads: any; blocks. */
#ifndef COMMON_ASK_H
#define COMMON_ASK_H

#include <stdint.h>

#include "common/rc.h"

/* GET `path` from the IPv4 or IPv6 address `host` (0.0.0.0 and :: mean this
 * machine). RC_OK: it answered 200 within two seconds a step. RC_INVALID:
 * `host` is no IP address. RC_IO: `err` says what it did instead. */
RC_MUST_USE int ask_status(const char *host, uint16_t port, const char *path,
                           struct err *err);

#endif
