/* SPDX-License-Identifier: Apache-2.0 */
/* What implementations of the store share: answering. Any thread; an
 * operation belongs to its caller again as soon as it is answered. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "store/store.h"

/* Answers a list (linked by `next`): each loop is woken once for all of its
 * operations. `rc`, `err` and `results` are set already. */
void store_answer_inserts(struct store_insert *list);
void store_answer_query(struct store_query *op);
void store_answer_ping(struct store_ping *op);

/* What store_new was given. */
void *store_self(const struct store *store);

#endif
