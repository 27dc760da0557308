/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of other sites must not reach what listens on this machine: neither
 * across origins nor by a name of theirs that points here (DNS rebinding).
 * Pure but for DATOS_EMULATOR_HOSTS and _TOKEN; threads: any. */
#ifndef EMULATOR_GUARD_H
#define EMULATOR_GUARD_H

#include <stdbool.h>

#include "common/str.h"

struct http_req;

/* localhost, names below it, 127.0.0.0/8, ::1. */
bool guard_is_loopback(struct str host);
/* Where the console of an emulator bound to `host` listens: there if that is
 * this machine's alone, or if DATOS_EMULATOR_TOKEN guards it. Borrowed, or a
 * constant. */
const char *guard_console_host(const char *host);

/* The control API: Host must be loopback, `bound`, or one of
 * DATOS_EMULATOR_HOSTS; Origin, if any, the same address. NULL, or one
 * sentence why not. */
const char *guard_control(const struct http_req *req, const char *bound);

/* A service's port: the host of Origin, which only browsers send and which
 * names the page also where its name was made to point here, must be one of
 * ours. Host is not looked at: names of containers and machines are many, and
 * clients choose their authority. NULL, or why not. */
const char *guard_service(const struct http_req *req, const char *bound);

#endif
