/* SPDX-License-Identifier: Apache-2.0 */
/* REDIS_URL, taken apart: redis://[[user]:pass@]host[:port][/db], rediss://
 * (TLS), unix://[[user]:pass@]/path[?db=N]. Pure; threads: any. */
#ifndef CACHE_REDIS_URL_H
#define CACHE_REDIS_URL_H

#include "common/rc.h"
#include "common/str.h"

enum redis_kind {
    REDIS_TCP,
    REDIS_TLS,
    REDIS_UNIX
};

struct redis_url {
    enum redis_kind kind;
    char *host; /* or the socket's path; never NULL */
    char *user; /* NULL: none */
    char *pass; /* NULL: none */
    unsigned port;
    unsigned db;
};

/* RC_INVALID with one line that never shows the password. RC_UNSUPPORTED for
 * rediss:// in a build whose hiredis has no TLS. */
RC_MUST_USE int redis_url_parse(struct str text, struct redis_url *out,
                                struct err *err);
void redis_url_fini(struct redis_url *url);

#endif
