/* SPDX-License-Identifier: Apache-2.0 */
/* Everything around the services: ports, control API, start and end.
 * Threads: start-up, then loop-confined. */
#ifndef EMULATOR_SHELL_H
#define EMULATOR_SHELL_H

#include "emulator/options.h"
#include "emulator/service.h"

enum {
    SHELL_MAX_SERVICES = 4
};

/* One row a service, in main.c. */
struct shell_service {
    const char *name;
    const char *flag; /* of its port, for messages */
    size_t port_at;   /* offset of the port's number in struct options */
    /* Returns owned; NULL and `err` when it cannot start. */
    struct service *(*create)(struct emulator *e, struct err *err);
};

/* Runs until a signal; the process's exit code. */
int shell_run(const struct options *o, const struct shell_service *rows,
              size_t n_rows);

/* "0.1.0" and "datos-emulator 0.1.0 (commit)\n". */
const char *shell_version(void);
const char *shell_version_line(void);

#endif
