/* SPDX-License-Identifier: Apache-2.0 */
/* Where one `datos dev` keeps its files: the folder of --state, or one of its
 * own in the temporary folder that goes when it ends. */
#ifndef DEV_STATE_H
#define DEV_STATE_H

#include <stdbool.h>

#include "common/rc.h"

struct dev_state {
    char *dir; /* absolute */
    char
        *socket_dir; /* where Redis' socket fits; `dir` unless it is too long */
    bool is_temporary;
    int lock_fd;
};

/* Makes the folder and locks it. NULL: a temporary one. RC_EXISTS: another
 * process holds it; `err` says who. */
RC_MUST_USE int dev_state_open(const char *folder, struct dev_state *state,
                               struct err *err);
void dev_state_close(struct dev_state *state);

#endif
