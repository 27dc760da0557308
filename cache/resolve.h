/* SPDX-License-Identifier: Apache-2.0 */
/* A host name's address without blocking the loop: the system's resolver may
 * take seconds, so it runs on a thread of its own.
 * Threads: belongs to the loop given. */
#ifndef CACHE_RESOLVE_H
#define CACHE_RESOLVE_H

#include "common/loop.h"

struct resolve;

/* `done` comes on the loop with the first address as text, or NULL. */
struct resolve *resolve_start(struct loop *loop, const char *host,
                              void (*done)(const char *address, void *arg),
                              void *arg);
/* Not after `done`. `done` will not come. */
void resolve_cancel(struct resolve *r);
/* Is it an address already? */
bool resolve_is_address(const char *host);

#endif
