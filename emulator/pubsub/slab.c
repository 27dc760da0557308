/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/slab.h"

#include <stdint.h>

#include "common/mem.h"

/* A block that is used after it was freed is to be seen by the sanitizer: then
 * each stands alone. */
enum {
#ifdef __SANITIZE_ADDRESS__
    SLAB_BYTES = 0,
#else
    SLAB_BYTES = 16 << 10, /* one block that stays keeps no more than this */
#endif
    ALIGN = sizeof(uint64_t)
};

struct slab {
    size_t used, size;
    size_t refs; /* blocks, and the one who fills it */
    uint64_t bytes[];
};

/* In front of each block. */
struct place {
    struct slab *slab;
};

static void unref(struct slab *s)
{
    if (s && --s->refs == 0)
        mem_free(s);
}

void *slab_alloc(struct slabs *s, size_t size)
{
    size_t need = (sizeof(struct place) + size + ALIGN - 1) / ALIGN * ALIGN;
    struct slab *slab = s->open;
    struct place *at;

    if (!slab || slab->size - slab->used < need) {
        size_t room = need > SLAB_BYTES ? need : SLAB_BYTES;

        unref(slab);
        slab = mem_alloc(sizeof(*slab) + room);
        slab->size = room;
        slab->refs = 1;
        s->open = slab;
    }
    at = (struct place *)(void *)((char *)slab->bytes + slab->used);
    at->slab = slab;
    slab->used += need;
    slab->refs++;
    return at + 1;
}

void slab_free(void *block)
{
    if (block)
        unref(((struct place *)block - 1)->slab);
}

void slabs_fini(struct slabs *s)
{
    unref(s->open);
    s->open = NULL;
}
