/* SPDX-License-Identifier: Apache-2.0 */
/* What shell.c, control.c and state.c share. */
#ifndef EMULATOR_SHELL_PRIV_H
#define EMULATOR_SHELL_PRIV_H

#include "common/loop.h"
#include "common/str.h"
#include "emulator/shell.h"

struct buf;
struct http_server;

struct shell {
    const struct options *options;
    struct emulator e;
    struct service *services[SHELL_MAX_SERVICES];
    struct http_server *servers[SHELL_MAX_SERVICES]; /* of each service */
    size_t n;
    struct http_server *console;
    const char *console_host;
    const char *token; /* demanded when the console is beyond loopback */
    int lock_fd;       /* of the state folder */
    char *storage_dir; /* what `e` borrows */
    bool ready, stopping;
    size_t to_drain;
};

/* --- control.c: the console port's application; app is the shell -----------
 */
extern const struct http_app control_http_app;

/* --- state.c ---------------------------------------------------------------
 */
/* All services at one instant. */
RC_MUST_USE int state_save(struct shell *s, struct buf *out, struct err *err);
/* All or nothing. */
RC_MUST_USE int state_load(struct shell *s, struct str bytes, struct err *err);
/* Empties the services (all, or the one named) and makes the default
 * resources again. RC_NOT_FOUND: `done` is not called. */
RC_MUST_USE int state_reset(struct shell *s, struct str service,
                            service_done *done, void *arg, struct err *err);
/* Resources of --config, of the environment and the defaults; `done` once. */
void state_provide(struct shell *s, service_done *done, void *arg);

#endif
