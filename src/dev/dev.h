/* SPDX-License-Identifier: Apache-2.0 */
/* `datos dev`: the whole system in the foreground, each part a process of its
 * own, watched and restarted. Threads: one. */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"

struct dev_options {
    int64_t api_port, pubsub_port, bigquery_port, bigquery_grpc_port;
    int64_t console_port; /* each: 0 takes any free one */
    const char *state;    /* folder; NULL with `memory` */
    bool memory, no_redis;
    const char *store;   /* bigquery, sqlite */
    const char *project; /* of the emulators and of all parts */
    const char *ingest;  /* pull, push, or off: no ingest */
    /* of push: the subscription, and whose tokens the API wants */
    const char *subscription, *push_account, *push_audience;
    bool push_signs;
    int64_t seed;           /* -1: none */
    const char *ready_file; /* NULL: none */
    char **command;         /* NULL-ended, NULL: none */
};

/* Returns the exit code: 0 after a stop, 1 after a failure, else the
 * command's. Takes over signal handling. */
int dev_run(const struct dev_options *options);

#endif
