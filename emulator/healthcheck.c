/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/healthcheck.h"

#include <stdio.h>

#include "common/ask.h"

int healthcheck_run(uint16_t console_port)
{
    struct err err;

    if (ask_status("127.0.0.1", console_port, "/_emulator/health", &err) == 0)
        return 0;
    fprintf(stderr, "datos-emulator: not ready: %s\n", err.text);
    return 1;
}
