/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's tests have it already. */
#include "tests/unit/cache/real_redis.c"
