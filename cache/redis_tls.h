/* SPDX-License-Identifier: Apache-2.0 */
/* TLS for rediss://, where hiredis has it. Threads: one at a time. */
#ifndef CACHE_REDIS_TLS_H
#define CACHE_REDIS_TLS_H

#include "common/rc.h"

struct redisAsyncContext;

/* Before the first command. Certificates and the host's name are checked. */
RC_MUST_USE int redis_tls_start(struct redisAsyncContext *ac, const char *host,
                                const char *ca_file, struct err *err);

#endif
