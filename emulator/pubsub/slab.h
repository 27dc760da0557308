/* SPDX-License-Identifier: Apache-2.0 */
/* Small blocks side by side in larger ones, for what is made in great numbers,
 * lives for long and goes about as it came. The heap would put them between
 * what requests need for a moment, and keep the holes. A larger block is freed
 * with the last small one in it. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_SLAB_H
#define EMULATOR_PUBSUB_SLAB_H

#include <stddef.h>

struct slab;

struct slabs { /* zeroed at first */
    struct slab *open;
};

/* Zeroed, aligned for pointers and 64-bit numbers; never NULL. */
void *slab_alloc(struct slabs *s, size_t size);
void slab_free(void *block);
/* The blocks that are out stay valid. */
void slabs_fini(struct slabs *s);

#endif
