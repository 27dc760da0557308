/* SPDX-License-Identifier: Apache-2.0 */
/* `datos config`, `datos version`. */
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <nghttp2/nghttp2.h>
#include <sqlite3.h>
#include <stdio.h>
#include <zlib.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/duty.h"
#include "common/log.h"
#include "config/args.h"
#include "config/settings.h"
#include "config/version.h"
#include "net/curl_map.h"

static struct args_flag config_flag(bool *markdown)
{
    return (struct args_flag){.flag = "--markdown",
                              .kind = ARGS_FLAG,
                              .out = markdown,
                              .help = "the README's table of settings"};
}

int cli_config(int argc, char **argv)
{
    bool markdown = false;
    const struct args_flag flag = config_flag(&markdown);
    struct settings s;
    struct duty duty;
    struct err err;
    int code;

    code = command_open("config", &flag, 1, argc, argv, &s);
    if (code)
        return code;
    if (markdown)
        settings_print_markdown(stdout);
    else
        settings_print(&s, stdout);
    duty = duty_of(&s);
    if (duty_check(&duty, &s, &err))
        LOG_W("%s", err.text);
    settings_free(&s);
    return 0;
}

void cli_config_help(FILE *out)
{
    const struct args_flag flag = config_flag(NULL);

    args_print_help(&flag, 1, out);
    settings_print_help(out, NULL);
}

int cli_version(int argc, char **argv)
{
    int code = args_finish("version", NULL, 0, false, argc, argv);
    const char *curl = code ? NULL : curl_mapped_version();

    if (code)
        return code;
    printf("datos %s (commit %s)\n", version_number(), version_commit());
    printf("libevent %s, sqlite %s, libcurl %s, jansson %s, hiredis %d.%d.%d, "
           "nghttp2 %s, zlib %s\n",
           event_get_version(), sqlite3_libversion(),
           curl ? curl : "not installed", JANSSON_VERSION, HIREDIS_MAJOR,
           HIREDIS_MINOR, HIREDIS_PATCH, nghttp2_version(0)->version_str,
           zlibVersion());
    return 0;
}

void cli_version_help(FILE *out)
{
    (void)out;
}
