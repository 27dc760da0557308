/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the system as `datos dev` runs them: how each is started, how
 * it tells its addresses, when it counts as ready. */
#ifndef DEV_PART_H
#define DEV_PART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/rc.h"

struct dev_options;
struct dev_state;

enum part_id {
    PART_REDIS,
    PART_EMULATOR,
    PART_INGEST,
    PART_API,
    N_PARTS
};

enum part_phase {
    PART_ABSENT,   /* not part of this run */
    PART_WAITING,  /* for what it needs */
    PART_STARTING, /* its address is not known yet */
    PART_PROBING,  /* it does not answer yet */
    PART_READY,
    PART_ENDED
};

enum {
    PART_MAX_DEATHS = 5,
    PART_DEATHS_WINDOW_S = 10
};

struct part {
    const char *name;
    enum part_phase phase;
    pid_t pid;    /* 0: not running */
    int ready_fd; /* our end of --ready-fd, or -1 */
    char line[512];
    size_t line_len;
    int64_t started_us, probe_us;
    int64_t watch_us, heard_us;         /* once it is ready */
    bool is_silent;                     /* and that was said */
    int64_t deaths_us[PART_MAX_DEATHS]; /* the last ones, a ring */
    unsigned n_deaths;
    bool was_ready;
};

/* What all parts share; ports become known as parts get ready and stay the
 * same over restarts. */
struct parts {
    struct part part[N_PARTS];
    const struct dev_options *options;
    const struct dev_state *state;
    char *own_dir; /* of this executable; the emulator lies beside it */
    char *redis_socket;
    int64_t api_port, ingest_port, pubsub_port;
    int64_t bigquery_port, bigquery_grpc_port, console_port;
};

RC_MUST_USE int parts_init(struct parts *parts,
                           const struct dev_options *options,
                           const struct dev_state *state, struct err *err);
void parts_fini(struct parts *parts);

/* All that `id` needs is ready. */
bool part_may_start(const struct parts *parts, enum part_id id);
/* False with errno if no process could be made. */
bool part_start(struct parts *parts, enum part_id id);
/* `ready_fd` is readable: true once the line is whole and understood. */
bool part_read_line(struct parts *parts, enum part_id id);
/* Does it answer at all? Waits for 50 ms at most. */
bool part_is_alive(const struct parts *parts, enum part_id id);
/* Does it answer as it should? */
bool part_answers(const struct parts *parts, enum part_id id);
/* Counts a death; true if it was one too many. */
bool part_died(struct part *part, int64_t now_us);

#endif
