/* SPDX-License-Identifier: Apache-2.0 */
/* Commit, announce, tell. Puts that are committed at one moment share one
 * announcement: those whose commit arrives in the same turn of the loop. */
#include "store/writer.h"

#include <stddef.h>

#include "cache/channel.h"
#include "common/buf.h"
#include "common/mem.h"

/* Redis takes far more; a reader that gets "part" asks the store once. */
enum {
    NOTICE_MAX_BYTES = 4 * 1024 * 1024
};

struct writer_announce {
    struct writer *writer;
    struct channel_publish publish;
    struct buf notice;
    struct writer_put **puts;
    size_t n_puts;
};

struct writer {
    struct loop *loop;
    struct writer_config config;
    struct writer_put **ready; /* committed, not announced yet */
    size_t n_ready, cap_ready;
    struct loop_timer flush;
};

static void tell(struct writer_announce *a)
{
    for (size_t i = 0; i < a->n_puts; i++)
        a->puts[i]->done(a->puts[i]);
    buf_fini(&a->notice);
    mem_free(a->puts);
    mem_free(a);
}

static void on_published(struct channel_publish *publish)
{
    /* Not taken by Redis: the channel has promised readers a gap. */
    tell(LOOP_OWNER(publish, struct writer_announce, publish));
}

static bool is_there(enum store_result result)
{
    return result == STORE_STORED || result == STORE_DUPLICATE;
}

/* Rows of all these puts that are in the store now; the oldest publish time. */
static void encode(struct writer_announce *a)
{
    struct row_list rows = {.rows = NULL};
    int64_t oldest = 0;

    for (size_t i = 0; i < a->n_puts; i++) {
        const struct writer_put *put = a->puts[i];
        const struct store_insert *op = &put->insert;
        for (size_t r = 0; op->rc == RC_OK && r < op->n_rows; r++) {
            if (is_there(op->results[r]))
                row_list_push(&rows, row_ref(op->rows[r]));
        }
        if (put->published_us && (!oldest || put->published_us < oldest))
            oldest = put->published_us;
    }
    if (rows.n)
        notice_encode(&a->notice, rows.rows, rows.n, oldest);
    if (a->notice.failed) {
        /* memory: readers are told at least that there is something */
        buf_fini(&a->notice);
        buf_puts(&a->notice, "datos1 0 part\n");
    }
    row_list_fini(&rows);
}

static void on_flush(struct loop_timer *timer)
{
    struct writer *w = LOOP_OWNER(timer, struct writer, flush);
    struct writer_announce *a = MEM_NEW(struct writer_announce);

    a->writer = w;
    a->puts = w->ready;
    a->n_puts = w->n_ready;
    w->ready = NULL;
    w->n_ready = w->cap_ready = 0;
    buf_init(&a->notice, NOTICE_MAX_BYTES);
    encode(a);
    if (a->notice.len == 0) {
        tell(a);
        return;
    }
    if (w->config.on_commit)
        w->config.on_commit(buf_as_str(&a->notice), w->config.arg);
    if (!w->config.channel) {
        tell(a);
        return;
    }
    a->publish.done = on_published;
    a->publish.payload = buf_as_str(&a->notice);
    channel_publish(w->config.channel, &a->publish);
}

static void on_inserted(struct store_insert *op)
{
    struct writer_put *put = LOOP_OWNER(op, struct writer_put, insert);
    struct writer *w = put->writer;

    if (w->n_ready == w->cap_ready) {
        w->cap_ready = w->cap_ready ? w->cap_ready * 2 : 8;
        w->ready = mem_realloc(w->ready, w->cap_ready * sizeof(*w->ready));
    }
    w->ready[w->n_ready++] = put;
    if (w->n_ready == 1)
        loop_timer_arm(&w->flush, 0);
}

struct writer *writer_new(struct loop *loop, const struct writer_config *config)
{
    struct writer *w = MEM_NEW(struct writer);

    w->loop = loop;
    w->config = *config;
    loop_timer_init(&w->flush, loop, on_flush);
    return w;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    loop_timer_fini(&w->flush);
    mem_free(w->ready);
    mem_free(w);
}

void writer_put(struct writer *w, struct writer_put *put)
{
    put->writer = w;
    put->insert.loop = w->loop;
    put->insert.done = on_inserted;
    store_insert(w->config.store, &put->insert);
}
