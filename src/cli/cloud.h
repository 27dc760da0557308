/* SPDX-License-Identifier: Apache-2.0 */
/* A command's way to Pub/Sub: the emulator that PUBSUB_EMULATOR_HOST names, or
 * the real service with the machine's credentials.
 * Threads: belongs to its loop. */
#ifndef CLI_CLOUD_H
#define CLI_CLOUD_H

#include "common/rc.h"

struct google;
struct loop;
struct settings;
struct token_source;

struct cloud {
    struct loop *loop;
    struct token_source *tokens; /* NULL: an emulator */
    struct google *google;
};

/* Opens credentials where they are needed; asks no server yet. */
RC_MUST_USE int cloud_open(struct cloud *c, const struct settings *s,
                           struct loop *loop, unsigned connections,
                           struct err *err);
void cloud_close(struct cloud *c);

#endif
