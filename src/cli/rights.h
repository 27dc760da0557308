/* SPDX-License-Identifier: Apache-2.0 */
/* What the credential may do with the table, asked of BigQuery without doing
 * it: that a table answers says nothing of who may write it or run queries.
 *
 * Threads: its loop's. */
#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include <stdbool.h>

#include "common/rc.h"
#include "net/google.h"

struct settings;

/* Embedded by its caller, zeroed but for the first part. */
struct rights {
    /* in */
    struct loop *loop;
    const struct settings *settings;
    struct token_source *tokens; /* borrowed, of the real services; or NULL */
    bool asks_queries;           /* too: only the API runs some */
    /* One finding: `what` it is about, and one line; both borrowed. */
    void (*found)(struct rights *r, bool is_fine, const char *what,
                  const char *text);
    void (*done)(struct rights *r); /* after the last one, once */

    /* private */
    struct google *google;
    struct token_source *own_tokens;
    struct google_call call;
    char *path;
    char body[160];
};

/* RC_INVALID with one line: no client can be made, and `done` never comes. */
RC_MUST_USE int rights_ask(struct rights *r, struct err *err);
void rights_fini(struct rights *r); /* also of one that was never asked */

#endif
