/* SPDX-License-Identifier: Apache-2.0 */
/* datos-emulator: the only place that names its services. */
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "emulator/bigquery/bigquery.h"
#include "emulator/healthcheck.h"
#include "emulator/options.h"
#include "emulator/pubsub/pubsub.h"
#include "emulator/pubsub/transform_worker.h"
#include "emulator/shell.h"

static const struct shell_service services[] = {
    {"pubsub", "--pubsub-port", offsetof(struct options, pubsub_port),
     pubsub_new},
    {"bigquery", "--bigquery-port", offsetof(struct options, bigquery_port),
     bigquery_new},
};

static int help(void)
{
    struct buf text;

    buf_init(&text, 64 << 10);
    options_help(&text);
    fputs(text.data, stdout);
    buf_fini(&text);
    return 0;
}

static void log_start(const struct options *o)
{
    enum log_level level = LOG_INFO;

    if (o->log)
        (void)log_level_parse(str_from(o->log), &level);
    log_init(level, "emulator", "datos");
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err = {0};

    /* one thread does nearly all: arenas for more cost memory, save nothing */
    mallopt(M_ARENA_MAX, 1);
    if (argc == 2 && strcmp(argv[1], TRANSFORM_WORKER) == 0)
        return transform_worker_run(WORKER_FD);
    if (options_parse(&options, argc, argv, &err)) {
        fprintf(stderr, "datos-emulator: %s\n", err.text);
        return 2;
    }
    switch (options.command) {
    case OPTIONS_HELP:
        return help();
    case OPTIONS_VERSION:
        fputs(shell_version_line(), stdout);
        return 0;
    case OPTIONS_HEALTHCHECK:
        return healthcheck_run(options.host, (uint16_t)options.console_port);
    case OPTIONS_START:
        break;
    }
    log_start(&options);
    return shell_run(&options, services,
                     sizeof(services) / sizeof(services[0]));
}
