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

/* The resources of the datos system, and those of PUBSUB_PROJECT1,
 * PUBSUB_PROJECT2 ... ("project,topic:subscription:subscription,..."), as one
 * JSON array of such objects; returned owned. */
char *provision_defaults(const char *project);

#endif
