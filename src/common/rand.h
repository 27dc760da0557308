/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness: the kernel's for identity and secrets, a small seeded generator
 * where a test or `--seed` must be able to repeat a run. Threads: any for
 * rand_bytes; a struct rand belongs to one thread. */
#ifndef COMMON_RAND_H
#define COMMON_RAND_H

#include <stddef.h>
#include <stdint.h>

/* `len` unpredictable bytes from the kernel; ends the process if the kernel
 * has none to give. */
void rand_bytes(void *out, size_t len);

struct rand {
    uint64_t state;
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_next(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t bound); /* 0 .. bound-1 */
double rand_unit(struct rand *r);                    /* [0, 1) */

#endif
