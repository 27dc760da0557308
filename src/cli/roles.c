/* SPDX-License-Identifier: Apache-2.0 */
/* `datos api`, `datos ingest`: settings, checks, then the role. */
#include <signal.h>

#include "api/api.h"
#include "cli/cli.h"
#include "common/log.h"
#include "config/args.h"
#include "config/settings.h"
#include "ingest/ingest.h"

typedef int role_main(const struct settings *settings, int ready_fd);

static int run_role(const char *name, bool serves_api, role_main *run, int argc,
                    char **argv)
{
    int64_t ready_fd = -1;
    const struct args_flag flags[] = {
        {"--ready-fd", ARGS_INT, &ready_fd, 0, 1 << 20, "N", NULL},
    };
    struct settings s;
    struct err err;
    enum log_level level = LOG_INFO;
    int code;

    if (args_take(flags, 1, &argc, argv, &err) ||
        settings_load(&s, &argc, argv, &err))
        return args_refuse(name, &err);
    code = args_finish(name, flags, 1, true, argc, argv);
    if (!code && settings_check_start(&s, serves_api, &err))
        code = args_refuse(name, &err);
    if (!code) {
        (void)log_level_parse(str_from(s.log), &level);
        log_init(level, name, s.system);
        /* a peer that went away is an error code, not a death */
        signal(SIGPIPE, SIG_IGN);
        code = run(&s, (int)ready_fd);
    }
    settings_free(&s);
    return code;
}

int cli_api(int argc, char **argv)
{
    return run_role("api", true, api_main, argc, argv);
}

void cli_api_help(FILE *out)
{
    settings_print_help(out);
}

int cli_ingest(int argc, char **argv)
{
    return run_role("ingest", false, ingest_main, argc, argv);
}

void cli_ingest_help(FILE *out)
{
    settings_print_help(out);
}
