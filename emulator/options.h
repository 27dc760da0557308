/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator's command line, its own and those of the programs that it
 * stands in for. Pure, but for the environment; threads: start-up only. */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"

struct buf;

enum options_command {
    OPTIONS_START,
    OPTIONS_HEALTHCHECK,
    OPTIONS_VERSION,
    OPTIONS_HELP
};

struct options {
    enum options_command command;
#define OPTION_TEXT(field)                        const char *field;
#define OPTION_FLAG(field)                        bool field;
#define OPTION_PORT(field)                        int64_t field;
#define OPTION_NUMBER(field)                      int64_t field; /* -1: not given */
#define OPTION(field, kind, flag, argument, help) OPTION_##kind(field)
#include "emulator/options.def"
#undef OPTION
#undef OPTION_TEXT
#undef OPTION_FLAG
#undef OPTION_PORT
#undef OPTION_NUMBER
    char host_buf[256]; /* of --host-port */
};

/* Fills in defaults too. Texts point into `argv`. RC_INVALID: wrong usage,
 * and `err` names the flag and the nearest one. */
RC_MUST_USE int options_parse(struct options *o, int argc, char **argv,
                              struct err *err);
void options_help(struct buf *out);

#endif
