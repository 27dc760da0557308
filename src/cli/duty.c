/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/duty.h"

#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

struct duty duty_of(const struct settings *s)
{
    const char *service = getenv("K_SERVICE");
    const char *how = s->ingest ? s->ingest : "pull";
    struct duty d = {.pulls = strcmp(how, "pull") == 0,
                     .pushed = strcmp(how, "push") == 0};

    d.serves = !s->in_cloud || (service && *service) || s->auth || !d.pulls;
    return d;
}

const char *duty_name(const struct duty *d)
{
    if (d->serves)
        return d->pulls ? "api and ingest" : "api";
    return "ingest";
}

int duty_check(const struct duty *d, const struct settings *s, struct err *err)
{
    return settings_check_start(s, d->serves, err);
}
