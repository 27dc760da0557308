/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include "config/args.h"
#include "config/settings.h"

int command_open(const char *name, const struct args_flag *flags, size_t n,
                 int argc, char **argv, struct settings *s)
{
    struct err err;
    int code;

    if (args_take(flags, n, &argc, argv, &err) ||
        settings_load(s, &argc, argv, &err))
        return args_refuse(name, &err);
    code = args_finish(name, flags, n, true, argc, argv);
    if (code)
        settings_free(s);
    return code;
}
