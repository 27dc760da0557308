/* SPDX-License-Identifier: Apache-2.0 */
/* One process of transform_worker.h: begun, ended, and its answers taken
 * apart. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_PROCESS_H
#define EMULATOR_PUBSUB_TRANSFORM_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/rc.h"
#include "emulator/pubsub/transform_worker.h"

struct transform_process {
    pid_t pid; /* 0: none */
    int fd;
};

/* RC_IO and why. The socket blocks. */
RC_MUST_USE int transform_process_start(struct transform_process *p,
                                        struct err *err);
void transform_process_end(struct transform_process *p);

/* The first whole answer of `in`, whose bytes then are `text` (in `in`); false:
 * more has to be read. */
bool transform_answer_next(struct str *in, struct worker_answer *answer,
                           struct str *text);

#endif
