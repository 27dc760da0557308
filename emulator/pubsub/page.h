/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of lists. A token is the last name shown and its list, in base64: rows
 * that come and go between two pages disturb no other row. Pure; threads: any.
 */
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

/* Which rows of which list. */
struct page_list {
    const struct names *names;
    const char *name;  /* its own: "topics", "projects/..." */
    struct str prefix; /* of its rows' names */
};

/* The list's rows behind the token ("": the first), at most `size` of them (0:
 * production's default; and at most as many as it gives). False: a token that
 * this list never gave. */
bool page_find(const struct page_list *list, uint32_t size, const char *token,
               struct page *out);

#endif
