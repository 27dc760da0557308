/* SPDX-License-Identifier: Apache-2.0 */
/* The stores that the contract's cases run against: one line each in
 * test_store_contract.c. */
#ifndef CONTRACT_STORE_KINDS_H
#define CONTRACT_STORE_KINDS_H

#include "store/store.h"

struct store_kind {
    const char *name;
    /* An empty store; fails the test if it cannot. */
    struct store *(*open)(const struct schema *schema);
    /* After store_close: what the store leaves behind goes. */
    void (*clean)(void);
};

extern const struct store_kind store_kind_sqlite;
extern const struct store_kind store_kind_bigquery;
extern const struct store_kind store_kind_emulator;

#endif
