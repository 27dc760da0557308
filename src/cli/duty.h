/* SPDX-License-Identifier: Apache-2.0 */
/* Which roles an environment configures, for commands that run beside a role
 * with its settings and are to judge them as that role would: the worker's
 * need no word on who may POST, the API's no subscription. */
#ifndef CLI_DUTY_H
#define CLI_DUTY_H

#include <stdbool.h>

#include "common/rc.h"

struct settings;

struct duty {
    bool serves; /* `datos api` */
    bool pulls;  /* `datos ingest`, or the API with it inside */
    bool pushed; /* the API takes what Pub/Sub pushes */
};

/* Outside the cloud one file serves both roles. In the cloud an environment
 * is the worker's that pulls and says nothing of what only the API asks for:
 * no DATOS_AUTH, and no K_SERVICE, which Cloud Run gives to services alone
 * (its contract of containers: worker pools and jobs have names of their
 * own). */
struct duty duty_of(const struct settings *s);

/* "api and ingest", "api" or "ingest"; static. */
const char *duty_name(const struct duty *d);

/* What keeps one of these roles from starting: settings_check_start. */
RC_MUST_USE int duty_check(const struct duty *d, const struct settings *s,
                           struct err *err);

#endif
