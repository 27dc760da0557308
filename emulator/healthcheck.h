/* SPDX-License-Identifier: Apache-2.0 */
/* `datos-emulator healthcheck`: for images without a shell. */
#ifndef EMULATOR_HEALTHCHECK_H
#define EMULATOR_HEALTHCHECK_H

#include <stdint.h>

/* 0 when GET /_emulator/health answers 200 within 2 s on the console of an
 * emulator with that --host, else 1 with one line on standard error. Without a
 * console on 127.0.0.1 one on ::1 will do. Blocks. */
int healthcheck_run(const char *host, uint16_t console_port);

#endif
