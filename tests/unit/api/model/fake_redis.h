/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for cache/redis.h: one memory for all connections, commands that
 * are run when the test says so, or lost. */
#ifndef TESTS_MODEL_FAKE_REDIS_H
#define TESTS_MODEL_FAKE_REDIS_H

#include <stdbool.h>

struct redis;

struct redis *fake_connection(void); /* its own pointer; any number */
void fake_connection_end(struct redis *r);
void fake_set_up(struct redis *r, bool up); /* pending ones: unavailable */
/* Runs the oldest command, if any. `lose`: 1 not run, 2 run but not told. */
void fake_step(int lose);
bool fake_is_pending(void);
void fake_flush(void);
void fake_expire_locks(void);

#endif
