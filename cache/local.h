/* SPDX-License-Identifier: Apache-2.0 */
/* The process-local level: immutable, counted values by key, within a bound of
 * memory.
 *
 * Eviction is S3-FIFO (Yang et al., SOSP 2023): a small queue that new keys
 * pass through, a main queue for those asked for again, and a ring of
 * fingerprints of keys that left the small one. Why this one: a flood of keys
 * that are asked for once (random ids) leaves by the small queue and never
 * displaces what is read, a hit only sets a counter (no list is reordered),
 * and it is three queues, not an adaptive machine.
 *
 * Threads: any; one lock a table. */
#ifndef CACHE_LOCAL_H
#define CACHE_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct local;

/* What is kept. `drop` is called when the last reference is gone. */
struct local_value {
    unsigned refs; /* atomic; local_value_ref/unref only */
    size_t cost;   /* bytes */
    void (*drop)(struct local_value *value);
};
void local_value_init(struct local_value *v, size_t cost,
                      void (*drop)(struct local_value *value));
struct local_value *local_value_ref(struct local_value *v);
void local_value_unref(struct local_value *v); /* NULL is allowed */

struct local *local_new(size_t max_bytes);
void local_free(struct local *local);

/* Returns a reference, or NULL. */
struct local_value *local_get(struct local *local, struct str key);
/* Replaces; takes a reference of its own. What is over the bound alone is not
 * kept. */
void local_put(struct local *local, struct str key, struct local_value *value);
void local_remove(struct local *local, struct str key);
size_t local_bytes(struct local *local);
size_t local_count(struct local *local);

#endif
