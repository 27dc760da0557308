/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of lists. A token is the last name shown, in base64: rows that come and
 * go between two pages disturb no other row. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_PAGE_H
#define EMULATOR_PUBSUB_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/pubsub/names.h"

struct page {
    const struct named *rows;
    size_t n;
    char *token; /* mem_free; "" at the end */
};

/* The rows whose names begin with `prefix`, behind the token ("": the first),
 * at most `size` of them (0: production's default; and at most as many as it
 * gives). False: a token that this list never gave. */
bool page_find(const struct names *names, struct str prefix, uint32_t size,
               const char *token, struct page *out);

#endif
