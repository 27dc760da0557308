/* SPDX-License-Identifier: Apache-2.0 */
/* What every store shares: the wrapper, and the checks of arguments. */
#include "store/store.h"

#include <stddef.h>

#include "common/mem.h"

enum {
    LIMIT_MAX = 1001
};

struct store {
    const struct store_ops *ops;
    void *self;
};

struct store *store_new(const struct store_ops *ops, void *self)
{
    struct store *store = MEM_NEW(struct store);

    store->ops = ops;
    store->self = self;
    return store;
}

void store_insert(struct store *store, struct store_insert *op)
{
    op->rc = RC_OK;
    op->detail[0] = '\0';
    store->ops->insert(store->self, op);
}

void store_query(struct store *store, struct store_query *op)
{
    op->rc = RC_OK;
    op->rows = (struct row_list){.rows = NULL};
    if (op->limit < 1)
        op->limit = 1;
    if (op->limit > LIMIT_MAX)
        op->limit = LIMIT_MAX;
    store->ops->query(store->self, op);
}

void store_ping(struct store *store, struct store_ping *op)
{
    op->rc = RC_OK;
    store->ops->ping(store->self, op);
}

const char *store_name(const struct store *store)
{
    return store->ops->name;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store->ops->close(store->self);
    mem_free(store);
}
