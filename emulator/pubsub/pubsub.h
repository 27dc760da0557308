/* SPDX-License-Identifier: Apache-2.0 */
/* The Pub/Sub service. Threads: the shell's loop; storage has its own. */
#ifndef EMULATOR_PUBSUB_PUBSUB_H
#define EMULATOR_PUBSUB_PUBSUB_H

struct emulator;
struct err;
struct service;

/* Opens its part of the state, if there is a folder. Returns owned; NULL and
 * `err` when it cannot start. */
struct service *pubsub_new(struct emulator *e, struct err *err);

#endif
