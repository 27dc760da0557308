/* SPDX-License-Identifier: Apache-2.0 */
/* Resources from a file: {"project","topics","subscriptions","schemas"} in the
 * REST form of each, names short or full, to calls of the service's own
 * methods. Threads: loop-confined. */
#ifndef EMULATOR_PROVISION_H
#define EMULATOR_PROVISION_H

#include "emulator/service.h"

/* What exists already stays as it is. `done` exactly once, perhaps before
 * this returns; its text names the resource that was refused. */
void provision(struct rpc *rpc, const char *project, struct str json,
               service_done *done, void *arg);

enum {
    PROVISION_VARIABLES = 100,
    PROVISION_NAME = 24
};

/* The resources of the datos system as such an object; returned owned. */
char *provision_defaults(const char *project);

/* Those of the variable PUBSUB_PROJECT<i> ("project,topic:subscription:...,
 * topic"), i from 1, whose name goes into `name`; NULL: it is not set. Returned
 * owned. */
char *provision_variable(int i, char name[PROVISION_NAME]);
/* Is there one of that name that is not among the first `n`, which were read?
 * RC_INVALID names it. */
RC_MUST_USE int provision_unread(int n, struct err *err);

#endif
