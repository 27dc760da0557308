/* SPDX-License-Identifier: Apache-2.0 */
/* Resources by their full name, in the order of names, so that a list's pages
 * need no copy: a page token is the name of the last one shown.
 * Owns its array only. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_NAMES_H
#define EMULATOR_PUBSUB_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct named {
    struct str name; /* the resource's own */
    void *resource;
};

struct names {
    struct named *rows;
    size_t n, cap;
};

void names_fini(struct names *t);
void *names_find(const struct names *t, struct str name); /* or NULL */
/* `name` must not be in, and lives as long as the row. */
void names_add(struct names *t, const char *name, void *resource);
void names_remove(struct names *t, const char *name);
/* Index of the first row whose name is not before `name`. */
size_t names_lower(const struct names *t, struct str name);

/* "projects/P/topics/ID" into P and ID. */
void name_split(const char *name, struct str *project, struct str *id);

#endif
