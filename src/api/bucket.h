/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket: DATOS_STORE_QPS. Time is an argument. Threads: any. */
#ifndef API_BUCKET_H
#define API_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket;

/* `a_second` 0: no limit. A second's worth may be taken at once. */
struct bucket *bucket_new(int64_t a_second);
void bucket_free(struct bucket *b);
bool bucket_take(struct bucket *b, int64_t now_us);

#endif
