/* SPDX-License-Identifier: Apache-2.0 */
/* The second level's form: what lies in Redis under a key, and the three
 * scripts that work on it. Pure; threads: any. */
#ifndef CACHE_SHARED_H
#define CACHE_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

struct buf;

enum {
    SHARED_HEAD_MAX = 80
};

/* A value whose head line is ARGV[3] was found to be of no use by this
 * reader: it counts as absent. 1: the lock is taken; 0: somebody holds it. */
#define SHARED_GET_OR_LOCK                                                     \
    "local v=redis.call('GET',KEYS[1]) "                                       \
    "if v and (ARGV[3]=='' or string.sub(v,1,#ARGV[3])~=ARGV[3]) then "        \
    "return v end "                                                            \
    "if redis.call('SET',KEYS[2],ARGV[1],'NX','PX',ARGV[2]) then return 1 "    \
    "end return 0"
/* Only who still holds the lock may write. */
#define SHARED_PUT                                                             \
    "if redis.call('GET',KEYS[2])==ARGV[1] then "                              \
    "redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) "                          \
    "redis.call('DEL',KEYS[2]) return 1 end return 0"
#define SHARED_UNLOCK                                                          \
    "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('DEL',KEYS[1]) "    \
    "return 1 end return 0"

/* The head line, then the bytes follow. */
void shared_put_head(struct buf *out, struct generation gen,
                     int64_t born_wall_us);
/* False: of another version, or broken. */
bool shared_parse(struct str text, struct generation *gen,
                  int64_t *born_wall_us, struct str *bytes);
/* What tells this value from its successor; for ARGV[3]. */
struct str shared_head(struct str text);

#endif
