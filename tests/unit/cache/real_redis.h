/* SPDX-License-Identifier: Apache-2.0 */
/* A real Redis of the test's own, on a socket in a folder of its own. */
#ifndef TESTS_CACHE_REAL_REDIS_H
#define TESTS_CACHE_REAL_REDIS_H

#include <sys/types.h>

struct real_redis {
    pid_t pid;
    char folder[64], path[96], url[128];
};

/* `password` NULL: none. Returns once it answers. */
void real_redis_start(struct real_redis *r, const char *password);
/* Again, empty, after a kill. */
void real_redis_restart(struct real_redis *r);
void real_redis_kill(struct real_redis *r);
void real_redis_pause(struct real_redis *r);
void real_redis_go_on(struct real_redis *r);
/* One inline command; what it answers is not looked at. */
void real_redis_tell(struct real_redis *r, const char *line);
void real_redis_end(struct real_redis *r);

#endif
