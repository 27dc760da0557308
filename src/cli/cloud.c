/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cloud.h"

#include <stddef.h>

#include "config/settings.h"
#include "net/google.h"

int cloud_open(struct cloud *c, const struct settings *s, struct loop *loop,
               unsigned connections, struct err *err)
{
    *c = (struct cloud){.loop = loop};
    return google_open(loop, "pubsub", s->pubsub_emulator_host,
                       "PUBSUB_EMULATOR_HOST", connections, &c->tokens,
                       &c->google, err);
}

void cloud_close(struct cloud *c)
{
    if (c->google)
        google_free(c->google);
    token_source_free(c->tokens);
    *c = (struct cloud){0};
}
