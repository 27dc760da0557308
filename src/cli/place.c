/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/place.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/metadata.h"

#define METADATA_US (3 * US_PER_S)

static bool is_set(const char *text)
{
    return text && text[0];
}

int place_find(struct place *p, struct settings *s, bool needs_google,
               struct err *err)
{
    bool is_offline =
        is_set(s->pubsub_emulator_host) || is_set(s->bigquery_emulator_host);
    bool wants_project = !is_offline &&
                         strcmp(s->project, "datos-local") == 0 &&
                         (s->in_cloud || needs_google);
    struct err why;

    *p = (struct place){NULL, NULL};
    if (s->in_cloud && strcmp(s->region, "local") == 0) {
        if (metadata_read("instance/region", METADATA_US, &p->region, &why))
            LOG_W("the region is not known, DATOS_REGION sets it: %s",
                  why.text);
        else
            s->region = p->region;
    }
    if (!wants_project)
        return RC_OK;
    if (metadata_read("project/project-id", METADATA_US, &p->project, &why) ==
        RC_OK)
        s->project = p->project;
    else if (needs_google)
        return err_set(err, RC_INVALID,
                       "GOOGLE_CLOUD_PROJECT is not set and the metadata "
                       "server does not tell it (%.200s): set it, or "
                       "PUBSUB_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST for "
                       "emulators",
                       why.text);
    return RC_OK;
}

int place_tell(struct place *p, struct settings *s, const char *command)
{
    struct err err;
    int rc = place_find(p, s, true, &err);

    if (rc)
        fprintf(stderr, "datos %s: %s\n", command, err.text);
    return rc;
}

void place_fini(struct place *p)
{
    mem_free(p->project);
    mem_free(p->region);
}
