/* SPDX-License-Identifier: Apache-2.0 */
#include "api/bucket.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/mem.h"

struct bucket {
    pthread_mutex_t lock;
    int64_t a_second;
    int64_t credit; /* in tokens * 1,000,000 */
    int64_t last_us;
};

struct bucket *bucket_new(int64_t a_second)
{
    struct bucket *b = MEM_NEW(struct bucket);

    pthread_mutex_init(&b->lock, NULL);
    b->a_second = a_second;
    b->credit = a_second * US_PER_S;
    return b;
}

void bucket_free(struct bucket *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

bool bucket_take(struct bucket *b, int64_t now_us)
{
    int64_t full = b->a_second * US_PER_S, passed;
    bool ok;

    if (b->a_second <= 0)
        return true;
    pthread_mutex_lock(&b->lock);
    passed = b->last_us ? now_us - b->last_us : 0;
    b->last_us = now_us;
    if (passed > US_PER_S)
        passed = US_PER_S;
    if (passed > 0)
        b->credit += passed * b->a_second;
    if (b->credit > full)
        b->credit = full;
    ok = b->credit >= US_PER_S;
    if (ok)
        b->credit -= US_PER_S;
    pthread_mutex_unlock(&b->lock);
    return ok;
}
