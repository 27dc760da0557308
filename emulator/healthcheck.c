/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/healthcheck.h"

#include <stdio.h>
#include <string.h>

#include "common/ask.h"
#include "emulator/guard.h"

#define PATH "/_emulator/health"

int healthcheck_run(const char *host, uint16_t console_port)
{
    const char *console = guard_console_host(host);
    struct err err, ignored;

    if (ask_status(console, console_port, PATH, &err) == RC_OK ||
        (strcmp(console, "127.0.0.1") == 0 &&
         ask_status("::1", console_port, PATH, &ignored) == RC_OK))
        return 0;
    fprintf(stderr, "datos-emulator: not ready: %s\n", err.text);
    return 1;
}
