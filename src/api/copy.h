/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the head in Redis, so that a process that starts while the store
 * is down serves the newest rows, marked stale. One process of the system
 * keeps it, at most a second behind; only a head that is known to be true is
 * copied.
 *
 * Threads: belongs to the main loop. */
#ifndef API_COPY_H
#define API_COPY_H

struct api;
struct copy;

struct copy *copy_new(struct api *api);
/* Asks for the copy as soon as Redis is there, and begins to keep it. */
void copy_start(struct copy *c);
void copy_stop(struct copy *c);
void copy_free(struct copy *c); /* after its Redis connection; NULL allowed */

#endif
