/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one table of commands (commands.def), from which
 * dispatch, `datos help` and "did you mean" are derived.
 * Threads: start-up only. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

/* Returns the process's exit code: 0 well, 1 failed, 2 wrong usage. */
int cli_main(int argc, char **argv);

/* Each command: its run function gets argv with the command's name in
 * argv[0]; its help function prints the flags. */
#define COMMAND(id, usage, help)                                               \
    int cli_##id(int argc, char **argv);                                       \
    void cli_##id##_help(FILE *out);
#include "cli/commands.def"
#undef COMMAND

#endif
