/* SPDX-License-Identifier: Apache-2.0 */
/* The store on BigQuery: the same client for Google and for an emulator; an
 * address and a credential are all that differs. */
#ifndef STORE_STORE_BIGQUERY_H
#define STORE_STORE_BIGQUERY_H

#include "store/store.h"

/* Texts are copied. */
struct bigquery_config {
    const char *project, *dataset, *table;
    const char *emulator;  /* host:port or http URL; NULL: Google, over TLS */
    const char *redis_url; /* the ledger; NULL: this process' memory alone */
    const char *redis_ca_file;
    const char *system; /* part of the ledger's keys */
    const struct schema *schema;
    int64_t max_bytes_billed; /* by one read, ten times that by an
                               * id's; 0: no bound */
};

/* Looks at the table once: a schema that cannot become ours is RC_INVALID. A
 * service that does not answer within three seconds is no error: it is asked
 * again with each ping and before the first insert. */
RC_MUST_USE int store_open_bigquery(const struct bigquery_config *config,
                                    struct store **out, struct err *err);

#endif
