/* SPDX-License-Identifier: Apache-2.0 */
/* `datos-emulator healthcheck`: for images without a shell. */
#ifndef EMULATOR_HEALTHCHECK_H
#define EMULATOR_HEALTHCHECK_H

#include <stdint.h>

/* 0 when GET /_emulator/health on that port of this machine answers 200
 * within 2 s, else 1 with one line on standard error. Blocks. */
int healthcheck_run(uint16_t console_port);

#endif
