/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feed.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "common/mem.h"

enum {
    ROWS = 4096,
    BYTES = 8 * 1024 * 1024
};

struct feed {
    pthread_mutex_t lock;
    uint64_t begin, end; /* positions; row `p` lies at p % ROWS */
    size_t bytes;
    struct row *rows[ROWS];
};

struct feed *feed_new(void)
{
    struct feed *f = MEM_NEW(struct feed);

    pthread_mutex_init(&f->lock, NULL);
    return f;
}

static void drop_oldest(struct feed *f)
{
    struct row **at = &f->rows[f->begin++ % ROWS];

    f->bytes -= (*at)->json.len;
    row_unref(*at);
    *at = NULL;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    while (f->begin < f->end)
        drop_oldest(f);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

void feed_add(struct feed *f, struct row *const *rows, size_t n)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n; i++) {
        while (f->end - f->begin == ROWS ||
               (f->end > f->begin && f->bytes + rows[i]->json.len > BYTES))
            drop_oldest(f);
        f->rows[f->end++ % ROWS] = row_ref(rows[i]);
        f->bytes += rows[i]->json.len;
    }
    pthread_mutex_unlock(&f->lock);
}

uint64_t feed_end(struct feed *f)
{
    uint64_t end;

    pthread_mutex_lock(&f->lock);
    end = f->end;
    pthread_mutex_unlock(&f->lock);
    return end;
}

bool feed_read(struct feed *f, uint64_t *at, struct row_list *out, size_t max)
{
    bool ok;

    pthread_mutex_lock(&f->lock);
    ok = *at >= f->begin;
    if (!ok)
        *at = f->end;
    for (size_t i = 0; i < max && *at < f->end; i++, ++*at)
        row_list_push(out, row_ref(f->rows[*at % ROWS]));
    pthread_mutex_unlock(&f->lock);
    return ok;
}

void feed_event_id(const struct row *row, char out[FEED_EVENT_ID])
{
    snprintf(out, FEED_EVENT_ID, "%016" PRIx64 "%016" PRIx64,
             (uint64_t)row->timestamp_us, str_hash(row->id));
}

bool feed_find(struct feed *f, struct str id, uint64_t *at)
{
    char name[FEED_EVENT_ID];
    bool found = false;

    if (id.len != FEED_EVENT_ID - 1)
        return false;
    pthread_mutex_lock(&f->lock);
    for (uint64_t p = f->end; p > f->begin && !found; p--) {
        feed_event_id(f->rows[(p - 1) % ROWS], name);
        found = str_eq(id, str_from(name));
        if (found)
            *at = p;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}
