/* SPDX-License-Identifier: Apache-2.0 */
/* What was committed lately, by range: decides whether an answer that was
 * loaded some time ago is still true. Threads: any; one lock. */
#ifndef API_COMMITS_H
#define API_COMMITS_H

#include "api/query.h"
#include "cache/cache.h"

struct commits;

/* `ttl_us`: how long a value may live. */
struct commits *commits_new(int64_t ttl_us);
void commits_free(struct commits *c);

/* Rows became visible. `gen`: epoch 0 for this process' own, whose echo with
 * a generation follows. */
void commits_add(struct commits *c, struct row *const *rows, size_t n,
                 struct generation gen, int64_t now_us);
/* Something was missed: no older answer of this process is known to be true,
 * and those of others only from `gen` on (epoch 0: none). */
void commits_forget(struct commits *c, struct generation gen);
/* The channel is down: values of other processes cannot be judged any more;
 * what this process loaded keeps its time to live. */
void commits_lose_generation(struct commits *c);

struct cache_stamp commits_stamp(struct commits *c);
/* True if nothing that was committed since `stamp` can be in q's answer. */
bool commits_is_current(struct commits *c, const struct query *q,
                        const struct cache_stamp *stamp, int64_t now_us);

#endif
