/* SPDX-License-Identifier: Apache-2.0 */
#include "http/outq.h"

#include "common/mem.h"

/* Most answers of a stream are one short write, and malloc keeps blocks up to
 * 1 KB at hand; who writes more than one piece will write more. */
enum {
    PIECE_FIRST = 512 - 64,
    PIECE_MIN = 4096 - 64
};

struct outq_piece {
    struct outq_piece *next;
    const char *data;
    size_t len;
    size_t room;               /* free bytes behind data[len) */
    struct http_prepared *ref; /* owner of the data, or NULL: `mem` */
    char mem[];
};

static struct outq_piece *piece_new(size_t cap)
{
    struct outq_piece *piece = mem_try_alloc(sizeof(*piece) + cap);

    if (piece)
        *piece = (struct outq_piece){.data = piece->mem, .room = cap};
    return piece;
}

static void push(struct outq *q, struct outq_piece *piece)
{
    if (q->last)
        q->last->next = piece;
    else
        q->first = piece;
    q->last = piece;
}

char *outq_reserve(struct outq *q, size_t len)
{
    struct outq_piece *piece = q->last;

    if (!piece || piece->room < len) {
        size_t least = piece ? PIECE_MIN : PIECE_FIRST;

        piece = piece_new(len > least ? len : least);
        if (!piece)
            return NULL;
        push(q, piece);
    }
    return (char *)piece->data + piece->len;
}

void outq_commit(struct outq *q, size_t len)
{
    q->last->len += len;
    q->last->room -= len;
    q->len += len;
}

bool outq_append(struct outq *q, const void *p, size_t len)
{
    char *room;

    if (len == 0)
        return true;
    room = outq_reserve(q, len);
    if (!room)
        return false;
    memcpy(room, p, len);
    outq_commit(q, len);
    return true;
}

bool outq_prepend(struct outq *q, const void *p, size_t len)
{
    struct outq_piece *piece = piece_new(len);

    if (!piece)
        return false;
    memcpy(piece->mem, p, len);
    piece->len = len;
    piece->room = 0;
    piece->next = q->first;
    q->first = piece;
    if (!q->last)
        q->last = piece;
    q->len += len;
    return true;
}

bool outq_append_prepared(struct outq *q, struct http_prepared *p)
{
    struct str body = http_prepared_body(p);
    struct outq_piece *piece;

    if (body.len == 0)
        return true;
    piece = piece_new(0);
    if (!piece)
        return false;
    piece->data = body.p;
    piece->len = body.len;
    piece->ref = http_prepared_ref(p);
    push(q, piece);
    q->len += body.len;
    return true;
}

int outq_iov(const struct outq *q, struct iovec *iov, int max)
{
    int n = 0;

    for (struct outq_piece *p = q->first; p && n < max; p = p->next) {
        if (p->len)
            iov[n++] = (struct iovec){(void *)p->data, p->len};
    }
    return n;
}

static void drop_first(struct outq *q)
{
    struct outq_piece *piece = q->first;

    q->first = piece->next;
    if (!q->first)
        q->last = NULL;
    if (piece->ref)
        http_prepared_unref(piece->ref);
    mem_free(piece);
}

void outq_consume(struct outq *q, size_t len)
{
    q->len -= len;
    while (q->first && len >= q->first->len) {
        len -= q->first->len;
        drop_first(q);
    }
    if (len) {
        q->first->data += len;
        q->first->len -= len;
    }
}

size_t outq_take(struct outq *q, void *out, size_t max)
{
    size_t n = 0;

    while (q->first && n < max) {
        size_t part = q->first->len < max - n ? q->first->len : max - n;
        memcpy((char *)out + n, q->first->data, part);
        n += part;
        outq_consume(q, part);
    }
    return n;
}

void outq_clear(struct outq *q)
{
    while (q->first)
        drop_first(q);
    q->len = 0;
}
