/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens on a TCP port of this machine. Threads: any. */
#ifndef EMULATOR_PORT_OWNER_H
#define EMULATOR_PORT_OWNER_H

#include <stddef.h>
#include <stdint.h>

/* Writes "NAME (pid N)" into `out`; an empty text when it cannot be told (of
 * another user, or none). */
void port_owner(uint16_t port, char *out, size_t size);

#endif
