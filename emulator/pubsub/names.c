/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: lookups by bisection, lists by walking. */
#include "emulator/pubsub/names.h"

#include "common/mem.h"

void names_fini(struct names *t)
{
    mem_free(t->rows);
    *t = (struct names){0};
}

size_t names_lower(const struct names *t, struct str name)
{
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (str_cmp(t->rows[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void *names_find(const struct names *t, struct str name)
{
    size_t i = names_lower(t, name);

    return i < t->n && str_eq(t->rows[i].name, name) ? t->rows[i].resource
                                                     : NULL;
}

void names_add(struct names *t, const char *name, void *resource)
{
    struct str key = str_from(name);
    size_t i = names_lower(t, key);

    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->rows = mem_realloc(t->rows, t->cap * sizeof(*t->rows));
    }
    memmove(&t->rows[i + 1], &t->rows[i], (t->n - i) * sizeof(*t->rows));
    t->rows[i] = (struct named){key, resource};
    t->n++;
}

void names_remove(struct names *t, const char *name)
{
    struct str key = str_from(name);
    size_t i = names_lower(t, key);

    if (i == t->n || !str_eq(t->rows[i].name, key))
        return;
    t->n--;
    memmove(&t->rows[i], &t->rows[i + 1], (t->n - i) * sizeof(*t->rows));
}

void name_split(const char *name, struct str *project, struct str *id)
{
    struct str rest = str_from(name);

    (void)str_cut(&rest, '/');
    *project = str_cut(&rest, '/');
    (void)str_cut(&rest, '/');
    *id = rest;
}
