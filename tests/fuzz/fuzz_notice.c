/* modules: src/store src/schema src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* An invalidation that is taken is encoded to one that says the same. */
#include <stdlib.h>

#include "cache/channel.h"
#include "common/buf.h"
#include "store/writer.h"

/* The decoder's archive holds the writer too; nothing here publishes. */
void channel_publish(struct channel *channel, struct channel_publish *op)
{
    (void)channel;
    (void)op;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct row_list rows = {.rows = NULL}, again = {.rows = NULL};
    struct schema *schema;
    int64_t published, published_again;
    bool part, part_again;
    struct buf b;

    if (schema_load(NULL, &schema, NULL) != RC_OK)
        abort();
    buf_init(&b, 1 << 24);
    if (notice_decode(str_of((const char *)data, size), schema, &rows,
                      &published, &part) == RC_OK) {
        notice_encode(&b, rows.rows, rows.n, published);
        if (notice_decode(buf_as_str(&b), schema, &again, &published_again,
                          &part_again) != RC_OK ||
            again.n != rows.n || published_again != published || part_again)
            abort();
    } else if (rows.n) {
        abort();
    }
    row_list_fini(&rows);
    row_list_fini(&again);
    buf_fini(&b);
    schema_free(schema);
    return 0;
}
