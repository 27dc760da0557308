/* SPDX-License-Identifier: Apache-2.0 */
/* `datos healthcheck`: for images without a shell. */
#include "cli/cli.h"
#include "cli/command.h"
#include "common/ask.h"
#include "config/args.h"
#include "config/settings.h"

static struct args_flag port_flag(int64_t *port)
{
    return (struct args_flag){"--port",
                              ARGS_INT,
                              port,
                              1,
                              65535,
                              "N",
                              "port to ask; default: DATOS_ADMIN_PORT where "
                              "it is set, else PORT"};
}

/* The role's own port: both roles answer /readyz on the admin port. */
static int64_t choose(int64_t flag, const struct settings *s)
{
    return flag > 0 ? flag : s->admin_port > 0 ? s->admin_port : s->port;
}

int cli_healthcheck(int argc, char **argv)
{
    int64_t port = 0;
    const struct args_flag flag = port_flag(&port);
    struct settings s;
    struct err err;
    int code, rc;

    code = command_open("healthcheck", &flag, 1, argc, argv, &s);
    if (code)
        return code;
    port = choose(port, &s);
    if (port == 0)
        rc = err_set(&err, RC_INVALID,
                     "PORT=0 names no port: say which one with --port N");
    else
        rc = ask_status(s.bind, (uint16_t)port, "/readyz", &err);
    settings_free(&s);
    if (rc == RC_INVALID)
        return args_refuse("healthcheck", &err);
    if (rc)
        fprintf(stderr, "datos healthcheck: not ready: %s\n", err.text);
    else
        printf("ready: port %u\n", (unsigned)port);
    return rc ? ARGS_EXIT_FAILED : 0;
}

void cli_healthcheck_help(FILE *out)
{
    const struct args_flag flag = port_flag(NULL);

    args_print_help(&flag, 1, out);
}
