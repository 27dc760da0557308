/* SPDX-License-Identifier: Apache-2.0 */
#include "api/head.h"

#include <stdlib.h>

#include "api/answer.h"
#include "common/mem.h"

/* Rows announced and not yet merged, or announced lately. */
struct announced {
    struct row *row;
    int64_t at_us;
};

struct announced_list {
    struct announced *items;
    size_t n, cap;
};

struct head {
    _Atomic uint64_t version;
    pthread_mutex_t lock; /* guards all below */
    struct head_view *view;
    struct head_view *adopted;     /* NULL: none */
    struct announced_list pending; /* not in `view` yet */
    struct announced_list recent;  /* kept through a check */
    bool checking;
    int64_t check_began_us, grace_us;
};

static uint32_t hash_of(struct str id)
{
    uint64_t h = str_hash(id);

    return (uint32_t)(h ^ h >> 32);
}

/* --- views --- */

static struct head_view *view_new(size_t cap)
{
    struct head_view *v = MEM_NEW(struct head_view);

    v->refs = 1;
    v->rows = MEM_ARRAY(struct row *, cap);
    v->hashes = MEM_ARRAY(uint32_t, cap);
    pthread_mutex_init(&v->lock, NULL);
    return v;
}

static struct head_view *view_ref(struct head_view *v)
{
    __atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
    return v;
}

void head_view_unref(struct head_view *v)
{
    if (!v || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < v->n; i++)
        row_unref(v->rows[i]);
    for (unsigned i = 0; i < v->n_answers; i++) {
        mem_free(v->answers[i].key);
        answer_unref(v->answers[i].answer);
    }
    pthread_mutex_destroy(&v->lock);
    mem_free(v->rows);
    mem_free(v->hashes);
    mem_free(v);
}

/* Index of the row with this id, or -1. */
static long find_id(const struct head_view *v, struct str id)
{
    uint32_t hash = hash_of(id);

    for (size_t i = 0; i < v->n; i++) {
        if (v->hashes[i] == hash && str_eq(v->rows[i]->id, id))
            return (long)i;
    }
    return -1;
}

/* --- lists of announced rows --- */

static void announced_push(struct announced_list *l, struct row *row,
                           int64_t at_us)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->items = mem_realloc(l->items, l->cap * sizeof(l->items[0]));
    }
    l->items[l->n++] = (struct announced){row_ref(row), at_us};
}

static void announced_clear(struct announced_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        row_unref(l->items[i].row);
    l->n = 0;
}

/* Drops those announced before `from_us`. */
static void announced_expire(struct announced_list *l, int64_t from_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (l->items[i].at_us >= from_us)
            l->items[kept++] = l->items[i];
        else
            row_unref(l->items[i].row);
    }
    l->n = kept;
}

static int by_row_order(const void *a, const void *b)
{
    const struct announced *x = a, *y = b;

    return row_order(x->row, y->row);
}

/* Only the newest can be part of a head: a list that grew long is cut to
 * them. */
static void announced_compact(struct announced_list *l)
{
    size_t kept = 0;

    if (l->n < 4 * (size_t)HEAD_ROWS)
        return;
    qsort(l->items, l->n, sizeof(l->items[0]), by_row_order);
    for (size_t i = 0; i < l->n; i++) {
        bool again =
            kept && row_order(l->items[kept - 1].row, l->items[i].row) == 0;
        if (again || kept == HEAD_ROWS)
            row_unref(l->items[i].row);
        else
            l->items[kept++] = l->items[i];
    }
    l->n = kept;
}

/* --- merging --- */

/* One id, one row: of two contents the greater timestamp shows (contract
 * 4.3), of equal timestamps the first that was known. */
static bool displaces(const struct row *newer, const struct row *known)
{
    return newer->timestamp_us > known->timestamp_us;
}

/* Sorts new rows and keeps one an id; few rows, or as many as a page. */
struct additions {
    struct row **rows;
    size_t n;
};

static int by_order(const void *a, const void *b)
{
    return row_order(*(struct row *const *)a, *(struct row *const *)b);
}

static int by_id(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    int order = str_cmp(x->id, y->id);

    return order ? order : row_order(x, y);
}

static void one_an_id(struct additions *add)
{
    size_t kept = 0;

    qsort(add->rows, add->n, sizeof(add->rows[0]), by_id);
    for (size_t i = 0; i < add->n; i++) {
        if (kept && str_eq(add->rows[kept - 1]->id, add->rows[i]->id))
            continue;
        add->rows[kept++] = add->rows[i];
    }
    add->n = kept;
    qsort(add->rows, add->n, sizeof(add->rows[0]), by_order);
}

/* Cuts at the limits of rows and bytes; what is cut ends completeness. */
static void push_row(struct head_view *v, struct row *row, uint32_t hash,
                     size_t *bytes)
{
    *bytes += row->json.len + row->id.len + sizeof(*row);
    if (v->n == HEAD_ROWS || (v->n && *bytes > HEAD_BYTES)) {
        *bytes = HEAD_BYTES + 1;
        v->complete = false;
        return;
    }
    v->hashes[v->n] = hash;
    v->rows[v->n++] = row_ref(row);
}

/* `old` with `add` (sorted, one an id) merged in. Below the end of an
 * incomplete view nothing is added: the rows between are not known. */
static struct head_view *merge(const struct head_view *old,
                               const struct additions *add)
{
    struct head_view *v = view_new(HEAD_ROWS);
    unsigned char *gone = mem_alloc(old->n + 1);
    size_t i = 0, k = 0, bytes = 0;
    const struct row *end =
        old->complete || !old->n ? NULL : old->rows[old->n - 1];

    v->complete = old->complete;
    v->loaded = old->loaded;
    for (size_t a = 0; a < add->n; a++) {
        long at = find_id(old, add->rows[a]->id);
        if (at < 0)
            continue;
        if (displaces(add->rows[a], old->rows[at]))
            gone[at] = 1;
        else
            add->rows[a] = NULL;
    }
    for (;;) {
        while (i < old->n && gone[i])
            i++;
        while (k < add->n && !add->rows[k])
            k++;
        if (i == old->n && k == add->n)
            break;
        if (k == add->n ||
            (i < old->n && row_order(old->rows[i], add->rows[k]) <= 0)) {
            push_row(v, old->rows[i], old->hashes[i], &bytes);
            i++;
        } else {
            struct row *row = add->rows[k++];
            if (!end || row_order(row, end) < 0)
                push_row(v, row, hash_of(row->id), &bytes);
        }
    }
    mem_free(gone);
    return v;
}

static void replace_view(struct head *h, struct head_view *v)
{
    head_view_unref(h->view);
    h->view = v;
}

static void fold(struct head *h)
{
    struct additions add = {NULL, 0};

    if (!h->pending.n)
        return;
    add.rows = MEM_ARRAY(struct row *, h->pending.n);
    for (size_t i = 0; i < h->pending.n; i++)
        add.rows[add.n++] = h->pending.items[i].row;
    one_an_id(&add);
    replace_view(h, merge(h->view, &add));
    h->view->version = atomic_load(&h->version);
    mem_free(add.rows);
    announced_clear(&h->pending);
}

/* --- the door
 * ---------------------------------------------------------------------------
 */

struct head *head_new(int64_t grace_us)
{
    struct head *h = MEM_NEW(struct head);

    pthread_mutex_init(&h->lock, NULL);
    h->view = view_new(1);
    h->grace_us = grace_us;
    atomic_store(&h->version, 1);
    return h;
}

void head_free(struct head *h)
{
    if (!h)
        return;
    head_view_unref(h->view);
    head_view_unref(h->adopted);
    announced_clear(&h->pending);
    announced_clear(&h->recent);
    mem_free(h->pending.items);
    mem_free(h->recent.items);
    pthread_mutex_destroy(&h->lock);
    mem_free(h);
}

uint64_t head_version(const struct head *h)
{
    return atomic_load_explicit(&h->version, memory_order_acquire);
}

void head_touch(struct head *h)
{
    atomic_fetch_add_explicit(&h->version, 1, memory_order_acq_rel);
}

static const struct row *known_row(const struct head *h, struct str id)
{
    long at = find_id(h->view, id);

    if (at >= 0)
        return h->view->rows[at];
    for (size_t i = h->pending.n; i-- > 0;) {
        if (str_eq(h->pending.items[i].row->id, id))
            return h->pending.items[i].row;
    }
    return NULL;
}

void head_add(struct head *h, struct row *const *rows, size_t n, int64_t now_us,
              struct row_list *fresh)
{
    bool changed = false;

    pthread_mutex_lock(&h->lock);
    /* nobody reads: merge now, so that the list stays short */
    if (h->pending.n + n > HEAD_ROWS)
        fold(h);
    if (!h->checking)
        announced_expire(&h->recent, now_us - h->grace_us);
    for (size_t i = 0; i < n; i++) {
        const struct row *known = known_row(h, rows[i]->id);

        /* the store may not show it yet: also a repeat is kept in mind */
        if (h->checking || h->grace_us)
            announced_push(&h->recent, rows[i], now_us);
        if (known && !displaces(rows[i], known))
            continue;
        announced_push(&h->pending, rows[i], now_us);
        if (fresh)
            row_list_push(fresh, row_ref(rows[i]));
        changed = true;
    }
    announced_compact(&h->recent);
    if (changed)
        head_touch(h);
    pthread_mutex_unlock(&h->lock);
}

struct head_view *head_view(struct head *h)
{
    struct head_view *v;

    pthread_mutex_lock(&h->lock);
    fold(h);
    v = view_ref(h->view);
    pthread_mutex_unlock(&h->lock);
    return v;
}

void head_check_begin(struct head *h, int64_t now_us)
{
    pthread_mutex_lock(&h->lock);
    fold(h);
    announced_expire(&h->recent, now_us - h->grace_us);
    h->checking = true;
    h->check_began_us = now_us;
    pthread_mutex_unlock(&h->lock);
}

void head_check_fail(struct head *h)
{
    pthread_mutex_lock(&h->lock);
    h->checking = false;
    pthread_mutex_unlock(&h->lock);
}

/* The store's answer as a view, with the rows announced since. */
static struct head_view *view_of_store(const struct head *h,
                                       struct row *const *rows, size_t n,
                                       bool complete)
{
    struct head_view *base = view_new(n + 1), *v;
    struct additions add = {MEM_ARRAY(struct row *, h->recent.n + 1), 0};

    base->complete = complete;
    base->loaded = true;
    for (size_t i = 0; i < n; i++) {
        base->rows[base->n] = row_ref(rows[i]);
        base->hashes[base->n++] = hash_of(rows[i]->id);
    }
    for (size_t i = 0; i < h->recent.n; i++)
        add.rows[add.n++] = h->recent.items[i].row;
    one_an_id(&add);
    v = merge(base, &add);
    mem_free(add.rows);
    head_view_unref(base);
    return v;
}

void head_adopt(struct head *h, struct row *const *rows, size_t n,
                bool complete)
{
    struct head_view *v = view_new(n + 1);

    v->complete = complete;
    v->loaded = true;
    for (size_t i = 0; i < n && i < HEAD_ROWS; i++) {
        v->rows[v->n] = row_ref(rows[i]);
        v->hashes[v->n++] = hash_of(rows[i]->id);
    }
    pthread_mutex_lock(&h->lock);
    head_view_unref(h->adopted);
    h->adopted = v;
    pthread_mutex_unlock(&h->lock);
}

void head_show_adopted(struct head *h)
{
    struct additions add = {NULL, 0};

    pthread_mutex_lock(&h->lock);
    fold(h);
    if (h->adopted && !h->view->loaded) {
        /* what was announced since the start goes on top of it */
        add.rows = MEM_ARRAY(struct row *, h->view->n + 1);
        for (size_t i = 0; i < h->view->n; i++)
            add.rows[add.n++] = h->view->rows[i];
        replace_view(h, merge(h->adopted, &add));
        mem_free(add.rows);
        head_touch(h);
        h->view->version = atomic_load(&h->version);
    }
    head_view_unref(h->adopted);
    h->adopted = NULL;
    pthread_mutex_unlock(&h->lock);
}

static bool has_row(const struct head_view *v, const struct row *row)
{
    long at = find_id(v, row->id);

    return at >= 0 && str_eq(v->rows[at]->json, row->json);
}

/* Rows of `a` that `b` lacks though its range covers them. */
static size_t differences(const struct head_view *a, const struct head_view *b,
                          struct row_list *out)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++) {
        if (!b->complete &&
            (!b->n || row_order(a->rows[i], b->rows[b->n - 1]) > 0))
            break;
        if (has_row(b, a->rows[i]))
            continue;
        n++;
        if (out)
            row_list_push(out, row_ref(a->rows[i]));
    }
    return n;
}

static bool is_same_view(const struct head_view *a, const struct head_view *b)
{
    if (a->n != b->n || a->complete != b->complete || a->loaded != b->loaded)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->rows[i] != b->rows[i] &&
            !str_eq(a->rows[i]->json, b->rows[i]->json))
            return false;
    }
    return true;
}

void head_check_end(struct head *h, struct row *const *rows, size_t n,
                    bool complete, struct row_list *added, size_t *removed)
{
    struct head_view *v;

    pthread_mutex_lock(&h->lock);
    fold(h);
    v = view_of_store(h, rows, n, complete);
    *removed = 0;
    if (is_same_view(v, h->view)) {
        head_view_unref(v);
    } else {
        *removed = differences(h->view, v, NULL);
        if (h->view->loaded)
            differences(v, h->view, added);
        replace_view(h, v);
        head_touch(h);
        v->version = atomic_load(&h->version);
    }
    h->checking = false;
    pthread_mutex_unlock(&h->lock);
}

/* --- selecting
 * ----------------------------------------------------------------------------
 */

static bool select_id(const struct head_view *v, const struct query *q,
                      struct row **out, size_t *n)
{
    long at = find_id(v, query_id(q));

    if (at < 0)
        return v->complete;
    if (query_matches(q, v->rows[at]->timestamp_us, v->rows[at]->id))
        out[(*n)++] = v->rows[at];
    return true;
}

/* The first row that can match: rows before it are too new. */
static size_t first_match(const struct head_view *v, const struct query *q)
{
    size_t low = 0, high = v->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct row *r = v->rows[mid];
        bool too_new =
            (q->has_until && r->timestamp_us >= q->until_us) ||
            (q->has_after && (r->timestamp_us > q->after_us ||
                              (r->timestamp_us == q->after_us &&
                               str_cmp(r->id, query_after_id(q)) <= 0)));

        if (too_new)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool head_select(const struct head_view *v, const struct query *q,
                 struct row **out, size_t *n, bool *more)
{
    *n = 0;
    *more = false;
    if (!v->loaded)
        return false;
    if (q->has_id)
        return select_id(v, q, out, n);
    for (size_t i = first_match(v, q); i < v->n; i++) {
        if (q->has_since && v->rows[i]->timestamp_us < q->since_us)
            return true;
        if (*n == q->limit) {
            *more = true;
            return true;
        }
        out[(*n)++] = v->rows[i];
    }
    /* full to its last row: whether others follow is not known */
    return v->complete;
}
