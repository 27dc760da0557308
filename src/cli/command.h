/* SPDX-License-Identifier: Apache-2.0 */
/* What every command begins with. Threads: start-up only. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

#include "common/rc.h"

struct args_flag;
struct settings;

/* Takes the command's own flags and the settings out of argv; whatever is left
 * is wrong usage. 0: `s` is filled, to be freed by the caller; else the exit
 * code, told on standard error. */
int command_open(const char *name, const struct args_flag *flags, size_t n,
                 int argc, char **argv, struct settings *s);

/* Addresses among the settings that have a form: RC_INVALID names the
 * variable and the form. */
RC_MUST_USE int command_check(const struct settings *s, struct err *err);

#endif
