/* SPDX-License-Identifier: Apache-2.0 */
/* `datos dev`: its flags. */
#include "dev/dev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "common/log.h"
#include "config/args.h"
#include "config/settings.h"

/* The production client, as in the cloud. */
#define DEV_STORE_DEFAULT "bigquery"

enum {
    N_FLAGS = 12,
    N_PORTS = 5,
    PORT_MAX = 65535
};

/* What the command line says that is no option of the supervisor. */
struct dev_words {
    struct dev_options o; /* a port that nobody named is -1 */
    bool free_ports;
};

static void fill_flags(struct args_flag *f, struct dev_words *w)
{
    struct dev_options *o = &w->o;
    const struct args_flag flags[N_FLAGS] = {
        {"--api-port", ARGS_INT, &o->api_port, 0, PORT_MAX, "N",
         "port of the API (8080); 0: any free one, here and below"},
        {"--free-ports", ARGS_FLAG, &w->free_ports, 0, 0, NULL,
         "any free port for each that is not named: several systems side by "
         "side"},
        {"--pubsub-port", ARGS_INT, &o->pubsub_port, 0, PORT_MAX, "N",
         "port of the Pub/Sub emulator, REST and gRPC (8085)"},
        {"--state", ARGS_TEXT, &o->state, 0, 0, "DIR",
         "where everything is kept over restarts (.datos)"},
        {"--memory", ARGS_FLAG, &o->memory, 0, 0, NULL,
         "keep nothing: all is forgotten at the end"},
        {"--store", ARGS_TEXT, &o->store, 0, 0, "bigquery|sqlite",
         "the table's store: the production client against the emulator, or "
         "a file (" DEV_STORE_DEFAULT ")"},
        {"--no-redis", ARGS_FLAG, &o->no_redis, 0, 0, NULL,
         "go without Redis: process-local cache only"},
        {"--seed", ARGS_INT, &o->seed, 0, INT64_MAX, "N",
         "make the emulators' random choices repeatable"},
        {"--ready-file", ARGS_TEXT, &o->ready_file, 0, 0, "FILE",
         "written with addresses and pids when all is ready"},
        {"--console-port", ARGS_INT, &o->console_port, 0, PORT_MAX, "N",
         "port of the emulators' control API (4000)"},
        {"--bigquery-port", ARGS_INT, &o->bigquery_port, 0, PORT_MAX, "N",
         "port of the BigQuery emulator's REST (9050)"},
        /* a part of later days: accepted, so that scripts can name it */
        {"--bigquery-grpc-port", ARGS_INT, &o->bigquery_grpc_port, 0, PORT_MAX,
         "N", NULL},
    };

    memcpy(f, flags, sizeof(flags));
}

static struct dev_words defaults(void)
{
    return (struct dev_words){.o = {.api_port = -1,
                                    .pubsub_port = -1,
                                    .bigquery_port = -1,
                                    .bigquery_grpc_port = -1,
                                    .console_port = -1,
                                    .store = DEV_STORE_DEFAULT,
                                    .seed = -1}};
}

/* Ports that nobody named get their usual number, or any free one; no two may
 * be the same. */
static int settle_ports(struct dev_words *w, struct err *err)
{
    const struct {
        const char *flag;
        int64_t *port, usual;
    } ports[N_PORTS] = {
        {"--api-port", &w->o.api_port, 8080},
        {"--pubsub-port", &w->o.pubsub_port, 8085},
        {"--bigquery-port", &w->o.bigquery_port, 9050},
        {"--bigquery-grpc-port", &w->o.bigquery_grpc_port, 9060},
        {"--console-port", &w->o.console_port, 4000},
    };

    for (size_t i = 0; i < N_PORTS; i++) {
        if (*ports[i].port < 0)
            *ports[i].port = w->free_ports ? 0 : ports[i].usual;
        for (size_t k = 0; k < i; k++) {
            if (*ports[i].port > 0 && *ports[i].port == *ports[k].port)
                return err_set(err, RC_INVALID, "%s and %s are both %d",
                               ports[k].flag, ports[i].flag,
                               (int)*ports[i].port);
        }
    }
    return RC_OK;
}

static int check(struct dev_words *w, const struct settings *s, struct err *err)
{
    struct dev_options *o = &w->o;

    if (o->state && o->memory)
        return err_set(err, RC_INVALID,
                       "--state and --memory contradict each other");
    if (o->state && !*o->state)
        return err_set(err, RC_INVALID, "--state needs a folder");
    if (strcmp(o->store, "bigquery") != 0 && strcmp(o->store, "sqlite") != 0)
        return err_set(err, RC_INVALID,
                       "--store=%.60s: must be bigquery or sqlite", o->store);
    if (o->command && !o->command[0])
        return err_set(err, RC_INVALID, "-- needs a command behind it");
    o->project = s->project;
    o->ingest = s->ingest;
    o->subscription = s->subscription;
    o->push_signs = strcmp(s->push_auth, "jwt") == 0;
    o->push_account = s->push_service_account
                          ? s->push_service_account
                          : "datos-push@datos-local.iam.gserviceaccount.com";
    o->push_audience = s->push_audience ? s->push_audience : "datos-dev";
    if (settle_ports(w, err))
        return RC_INVALID;
    if (!o->state)
        o->state = ".datos";
    return RC_OK;
}

/* Cuts argv at `--` and returns what stands behind it, or NULL. */
static char **split_command(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            *argc = i;
            return argv + i + 1;
        }
    }
    return NULL;
}

/* Settings that this command gives to its parts by itself: taking them and
 * doing something else would be a lie. */
static int refuse_own(int argc, char **argv, struct err *err)
{
    static const char *const own[][2] = {
        {"--port", "--api-port"}, {"--bind", NULL},
        {"--redis-url", NULL},    {"--pubsub-emulator-host", NULL},
        {"--admin-port", NULL},   {"--bigquery-emulator-host", NULL},
    };

    for (int i = 1; i < argc; i++) {
        size_t len = strcspn(argv[i], "=");

        for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++) {
            if (strlen(own[k][0]) != len ||
                strncmp(argv[i], own[k][0], len) != 0)
                continue;
            return err_set(err, RC_INVALID,
                           "%s is given to the parts by this "
                           "command%s%s",
                           own[k][0], own[k][1] ? "; did you mean " : " itself",
                           own[k][1] ? own[k][1] : "");
        }
    }
    return RC_OK;
}

/* From a cloud, or from an earlier run's exports: none of it is meant for
 * these parts, and whoever meant it should know. */
static void tell_unused(void)
{
    static const char *const unused[] = {
        "PORT",
        "DATOS_BIND",
        "DATOS_STORE",
        "DATOS_ADMIN_PORT",
        "REDIS_URL",
        "PUBSUB_EMULATOR_HOST",
        "BIGQUERY_EMULATOR_HOST",
    };
    char names[160] = "";

    for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++) {
        const char *value = getenv(unused[i]);
        size_t len = strlen(names);

        if (value && *value)
            snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
                     unused[i]);
    }
    if (names[0])
        LOG_W("not used here, this command gives its parts its own: %s", names);
}

int cli_dev(int argc, char **argv)
{
    struct dev_words w = defaults();
    struct args_flag flags[N_FLAGS];
    enum log_level level = LOG_INFO;
    struct settings s;
    struct err err;
    int code;

    fill_flags(flags, &w);
    w.o.command = split_command(&argc, argv);
    /* this command's --store is a word, not the setting's */
    if (args_take(flags, N_FLAGS, &argc, argv, &err) ||
        refuse_own(argc, argv, &err) || settings_load(&s, &argc, argv, &err))
        return args_refuse("dev", &err);
    code = args_finish("dev", flags, N_FLAGS, true, argc, argv);
    if (!code && command_check(&s, &err))
        code = args_refuse("dev", &err);
    if (!code && check(&w, &s, &err))
        code = args_refuse("dev", &err);
    if (!code) {
        (void)log_level_parse(str_from(s.log), &level);
        log_init(level, "dev", s.system);
        tell_unused();
        settings_export_flags(&s);
        code = dev_run(&w.o);
    }
    settings_free(&s);
    return code;
}

void cli_dev_help(FILE *out)
{
    /* this command's own, or given to the parts by it (refuse_own) */
    static const char *const without[] = {"--store",
                                          "--port",
                                          "--bind",
                                          "--redis-url",
                                          "--admin-port",
                                          "--pubsub-emulator-host",
                                          "--bigquery-emulator-host",
                                          NULL};
    struct dev_words w = defaults();
    struct args_flag flags[N_FLAGS];

    fill_flags(flags, &w);
    args_print_help(flags, N_FLAGS, out);
    args_print_row(out, "-- COMMAND ...",
                   "run it once all is ready, stop after it, return its exit "
                   "code");
    fputs("\nSettings that reach the parts:\n", out);
    settings_print_help(out, without);
}
