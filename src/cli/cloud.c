/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cloud.h"

#include <stddef.h>

#include "config/settings.h"
#include "net/credentials.h"
#include "net/google.h"

int cloud_open(struct cloud *c, const struct settings *s, struct loop *loop,
               unsigned connections, struct err *err)
{
    const char *emulator = s->pubsub_emulator_host;
    struct endpoint endpoint;
    int rc = RC_OK;

    *c = (struct cloud){.loop = loop};
    if (!emulator || !emulator[0])
        rc = credentials_open(loop, &c->tokens, err);
    if (rc == RC_OK)
        rc =
            endpoint_init(&endpoint, "pubsub", emulator, "PUBSUB_EMULATOR_HOST",
                          c->tokens ? token_universe(c->tokens) : NULL, err);
    if (rc == RC_OK)
        c->google = google_new(loop, &endpoint, c->tokens, connections);
    else
        cloud_close(c);
    return rc;
}

void cloud_close(struct cloud *c)
{
    if (c->google)
        google_free(c->google);
    token_source_free(c->tokens);
    *c = (struct cloud){0};
}
