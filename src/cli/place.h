/* SPDX-License-Identifier: Apache-2.0 */
/* Project and region of a role that runs in Google Cloud and was told
 * neither: the metadata server knows. */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include "config/settings.h"

struct place {
    char *project, *region; /* owned; NULL: the settings' own */
};

/* Sets s->project and s->region, which borrow from `p` then: clear it after
 * the last use of `s`. Waits up to 3 s for each. Without a region the role
 * starts all the same, with a warning. RC_INVALID: `needs_google` and nobody
 * knows the project. Start-up only. */
RC_MUST_USE int place_find(struct place *p, struct settings *s,
                           bool needs_google, struct err *err);
/* The same for a command, which speaks to Pub/Sub: on failure it is told on
 * standard error. */
RC_MUST_USE int place_tell(struct place *p, struct settings *s,
                           const char *command);
void place_fini(struct place *p);

#endif
