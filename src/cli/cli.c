/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/str.h"
#include "config/args.h"

static const struct command {
    const char *name, *usage, *help;
    int (*run)(int argc, char **argv);
    void (*print_flags)(FILE *out);
} commands[] = {
#define COMMAND(id, usage, help) {#id, usage, help, cli_##id, cli_##id##_help},
#include "cli/commands.def"
#undef COMMAND
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_overview(FILE *out)
{
    fputs("datos: events from Pub/Sub, validated, stored, served.\n\n"
          "usage: datos COMMAND [flags]\n\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        args_print_row(out, commands[i].name, commands[i].help);
    args_print_row(out, "help [COMMAND]", "this list, or a command's flags");
    fputs("\nSettings come from the environment; flags override them. "
          "`datos config` shows all.\n",
          out);
}

static void print_command(const struct command *c, FILE *out)
{
    fprintf(out, "usage: datos %s %s\n\n%s\n\n", c->name, c->usage, c->help);
    c->print_flags(out);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int refuse(const char *name)
{
    const char *near = NULL;
    unsigned best = args_too_far(name);

    for (size_t i = 0; i < N_COMMANDS; i++) {
        unsigned d = str_distance(str_from(name), str_from(commands[i].name));

        if (d < best) {
            best = d;
            near = commands[i].name;
        }
    }
    fprintf(stderr, "datos: unknown command %s%s%s%s\n", name,
            near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "; `datos help` lists the commands");
    return ARGS_EXIT_USAGE;
}

static int help(const char *name)
{
    const struct command *c = name ? find(name) : NULL;

    if (name && !c)
        return refuse(name);
    if (c)
        print_command(c, stdout);
    else
        print_overview(stdout);
    return 0;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int dispatch(int argc, char **argv)
{
    const struct command *c;

    if (argc < 2) {
        print_overview(stderr);
        return ARGS_EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0)
        return cli_version(1, argv);
    c = find(argv[1]);
    if (!c)
        return refuse(argv[1]);
    if (wants_help(argc - 1, argv + 1))
        return help(c->name);
    /* what is said before the settings are read */
    log_init(LOG_INFO, c->name, "datos");
    return c->run(argc - 1, argv + 1);
}

/* Output that went nowhere is a failure, however well the rest went. */
int cli_main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    bool lost = ferror(stdout) != 0;

    errno = lost ? EIO : 0;
    if (fflush(stdout) == 0 && !lost)
        return code;
    fprintf(stderr, "datos: cannot write to standard output: %s\n",
            strerror(errno));
    return code ? code : ARGS_EXIT_FAILED;
}
