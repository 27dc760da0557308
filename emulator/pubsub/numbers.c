/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array, as names.c. */
#include "emulator/pubsub/numbers.h"

#include <string.h>

#include "common/mem.h"

void numbers_fini(struct numbers *t)
{
    mem_free(t->rows);
    *t = (struct numbers){0};
}

static size_t lower(const struct numbers *t, uint64_t number)
{
    size_t lo = 0, hi = t->n;

    if (hi && t->rows[hi - 1].number < number)
        return hi;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (t->rows[mid].number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void *numbers_find(const struct numbers *t, uint64_t number)
{
    size_t i = lower(t, number);

    return i < t->n && t->rows[i].number == number ? t->rows[i].resource : NULL;
}

void numbers_add(struct numbers *t, uint64_t number, void *resource)
{
    size_t i = lower(t, number);

    if (i < t->n && t->rows[i].number == number) {
        t->rows[i].resource = resource;
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->rows = mem_realloc(t->rows, t->cap * sizeof(*t->rows));
    }
    memmove(&t->rows[i + 1], &t->rows[i], (t->n - i) * sizeof(*t->rows));
    t->rows[i] = (struct numbered){number, resource};
    t->n++;
}

void numbers_remove(struct numbers *t, uint64_t number)
{
    size_t i = lower(t, number);

    if (i == t->n || t->rows[i].number != number)
        return;
    t->n--;
    memmove(&t->rows[i], &t->rows[i + 1], (t->n - i) * sizeof(*t->rows));
}
