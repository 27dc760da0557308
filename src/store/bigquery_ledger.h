/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that this process has written lately: which content, and whether it is
 * known to be stored. BigQuery has no unique index; this is one, as far as it
 * reaches. Bounded: the oldest that nobody owns are forgotten.
 * Pure; threads: one at a time. */
#ifndef STORE_BIGQUERY_LEDGER_H
#define STORE_BIGQUERY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_KEY_BYTES = 16
};

struct ledger;

struct ledger_entry {
    unsigned char key[LEDGER_KEY_BYTES];
    uint64_t hash;                      /* of the content */
    void *owner;                        /* who writes it now; NULL: nobody */
    bool is_stored;                     /* else pending: perhaps stored */
    int64_t since_us;                   /* of the last claim */
    struct ledger_entry *chain;         /* of the table */
    struct ledger_entry *older, *newer; /* in the order of making */
};

struct ledger *ledger_new(size_t max_entries);
void ledger_free(struct ledger *l);
struct ledger_entry *ledger_find(const struct ledger *l,
                                 const unsigned char *key);
/* A new entry: pending, without an owner. It must not be there. */
struct ledger_entry *ledger_add(struct ledger *l, const unsigned char *key,
                                uint64_t hash, int64_t now_us);
void ledger_remove(struct ledger *l, struct ledger_entry *e);
/* The table is another one: forgets all that nobody owns. */
void ledger_clear(struct ledger *l);
size_t ledger_count(const struct ledger *l);

#endif
