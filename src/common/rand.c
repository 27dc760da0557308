/* SPDX-License-Identifier: Apache-2.0 */
#include "common/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t len)
{
    char *at = out;

    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno != EINTR)
            abort();
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

void rand_seed(struct rand *r, uint64_t seed)
{
    r->state = seed;
}

/* SplitMix64: passes the usual batteries, one word of state. */
uint64_t rand_next(struct rand *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint64_t rand_below(struct rand *r, uint64_t bound)
{
    return bound ? (uint64_t)(((unsigned __int128)rand_next(r) * bound) >> 64)
                 : 0;
}

double rand_unit(struct rand *r)
{
    return (double)(rand_next(r) >> 11) * 0x1.0p-53;
}
