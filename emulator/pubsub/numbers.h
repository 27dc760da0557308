/* SPDX-License-Identifier: Apache-2.0 */
/* Resources by their number: what storage and jobs under way call them by,
 * since names may be used again. Numbers are given in rising order, so a new
 * one nearly always goes to the end.
 * Owns its array only. Threads: one at a time. */
#ifndef EMULATOR_PUBSUB_NUMBERS_H
#define EMULATOR_PUBSUB_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct numbered {
    uint64_t number;
    void *resource;
};

struct numbers {
    struct numbered *rows;
    size_t n, cap;
};

void numbers_fini(struct numbers *t);
void *numbers_find(const struct numbers *t, uint64_t number); /* or NULL */
/* Replaces what is there under that number. */
void numbers_add(struct numbers *t, uint64_t number, void *resource);
void numbers_remove(struct numbers *t, uint64_t number);

#endif
