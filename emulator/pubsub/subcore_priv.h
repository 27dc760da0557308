/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of subcore only. */
#ifndef EMULATOR_PUBSUB_SUBCORE_PRIV_H
#define EMULATOR_PUBSUB_SUBCORE_PRIV_H

#include "emulator/pubsub/subcore.h"

/* Ends a lease in the books of its taker and key; the entry stays. */
void subcore_unlease(struct subcore *s, struct held *h);
/* Takes the entry out and unpins its batch. */
void subcore_drop(struct subcore *s, struct held *h);
/* Marks done and drops; behind a keyed one that is not done it only waits. */
void subcore_settle(struct subcore *s, struct held *h, int64_t now_us);
/* A leased one comes back by its own fault, not before a short while. */
void subcore_fail(struct subcore *s, struct held *h, int64_t now_us);
/* Takes a dead entry out of the list of those that wait. */
void subcore_exhume(struct subcore *s, struct held *h);
/* Drops every entry. */
void subcore_drop_all(struct subcore *s);

#endif
