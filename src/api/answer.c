/* SPDX-License-Identifier: Apache-2.0 */
#include "api/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "api/reply.h"
#include "common/buf.h"
#include "common/mem.h"
#include "http/http.h"

enum {
    GZIP_FROM = 860, /* below, the gain does not pay a packet */
    GZIP_LEVEL = 5,
    FIELDS_MAX = 20,
    ENCODED_VERSION = '1'
};

/* Two walks with different constants: 128 bits, so that two bodies of one
 * length do not share a tag by accident. */
static void make_etag(char *out, size_t size, struct str body)
{
    uint64_t a = 0xcbf29ce484222325ULL, b = 0x9e3779b97f4a7c15ULL;

    for (size_t i = 0; i < body.len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, body.p + i, body.len - i < 8 ? body.len - i : 8);
        a = (a ^ word) * 0x100000001b3ULL;
        a ^= a >> 29;
        b = (b + word) * 0xd6e8feb86659fd93ULL;
        b ^= b >> 32;
    }
    snprintf(out, size, "\"%016" PRIx64 "%08" PRIx32 "%zx\"", a, (uint32_t)b,
             body.len);
}

static struct http_prepared *prepare(const struct answer *a, struct str etag,
                                     struct str body, bool is_gzip)
{
    struct http_field fields[FIELDS_MAX];
    size_t n = 0;

    fields[n++] =
        (struct http_field){STR("content-type"),
                            a->status == 200 ? STR("application/json")
                                             : STR("application/problem+json")};
    if (a->status == 200) {
        fields[n++] = (struct http_field){
            STR("cache-control"),
            STR("public, max-age=0, s-maxage=1, stale-while-revalidate=1, "
                "stale-if-error=86400")};
        fields[n++] = (struct http_field){STR("etag"), etag};
    } else {
        fields[n++] =
            (struct http_field){STR("cache-control"), STR("no-store")};
    }
    fields[n++] = (struct http_field){STR("vary"), STR("Accept-Encoding")};
    if (is_gzip)
        fields[n++] = (struct http_field){STR("content-encoding"), STR("gzip")};
    if (a->link)
        fields[n++] = (struct http_field){STR("link"), str_from(a->link)};
    n += reply_common_fields(fields + n, FIELDS_MAX - n);
    return http_prepared_new(a->status, fields, n, body);
}

static struct answer *answer_new(int status, struct str link, struct str body)
{
    struct answer *a = MEM_NEW(struct answer);

    a->refs = 1;
    a->status = status;
    a->link = link.len ? mem_strndup(link.p, link.len) : NULL;
    make_etag(a->etag, sizeof(a->etag), body);
    snprintf(a->gzip_etag, sizeof(a->gzip_etag), "%.*s-gz\"",
             (int)strlen(a->etag) - 1, a->etag);
    a->plain = prepare(a, str_from(a->etag), body, false);
    a->gzip_useless = body.len < GZIP_FROM || status != 200;
    return a;
}

static struct answer *render_missing(void)
{
    struct buf body;
    struct answer *a;

    buf_init(&body, 512);
    reply_put_problem(&body, 404, "there is no record with this id", NULL, 0);
    a = answer_new(404, STR(""), buf_as_str(&body));
    buf_fini(&body);
    return a;
}

struct answer *answer_render(const struct query *q, struct row *const *rows,
                             size_t n, bool more)
{
    struct answer *a = NULL;
    struct buf body, link;
    size_t shown = 0;

    if (q->single)
        return n ? answer_new(200, STR(""), rows[0]->json) : render_missing();
    buf_init(&body, ANSWER_PAGE_MAX + ROW_MAX_BYTES * 2 + 64);
    buf_init(&link, 4096);
    buf_puts(&body, "{\"datos\":[");
    while (shown < n && shown < q->limit &&
           (shown == 0 || body.len + rows[shown]->json.len < ANSWER_PAGE_MAX)) {
        if (shown)
            buf_putc(&body, ',');
        buf_str(&body, rows[shown++]->json);
    }
    buf_puts(&body, "]}");
    /* an id is one record: nothing can follow it */
    if (shown && (more || shown < n) && !q->has_id)
        query_put_link(q, rows[shown - 1], &link);
    if (!body.failed && !link.failed)
        a = answer_new(200, buf_as_str(&link), buf_as_str(&body));
    buf_fini(&body);
    buf_fini(&link);
    return a;
}

struct answer *answer_ref(struct answer *a)
{
    __atomic_add_fetch(&a->refs, 1, __ATOMIC_RELAXED);
    return a;
}

void answer_unref(struct answer *a)
{
    if (!a || __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    http_prepared_unref(a->plain);
    http_prepared_unref(a->gzip);
    mem_free(a->link);
    mem_free(a);
}

struct str answer_body(const struct answer *a)
{
    return http_prepared_body(a->plain);
}

/* --- gzip --- */

static struct http_prepared *compress_form(const struct answer *a)
{
    struct str body = answer_body(a);
    struct http_prepared *p = NULL;
    z_stream z = {0};
    size_t room;
    char *out;

    /* 16: with gzip's head and tail; its time field stays zero, so equal
     * bodies give equal bytes */
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    room = deflateBound(&z, body.len);
    out = mem_try_alloc(room);
    if (out) {
        z.next_in = (Bytef *)(uintptr_t)body.p;
        z.avail_in = (uInt)body.len;
        z.next_out = (Bytef *)out;
        z.avail_out = (uInt)room;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END &&
            z.total_out < body.len - body.len / 10)
            p = prepare(a, str_from(a->gzip_etag), str_of(out, z.total_out),
                        true);
    }
    deflateEnd(&z);
    mem_free(out);
    return p;
}

struct http_prepared *answer_form(struct answer *a, bool accepts_gzip)
{
    struct http_prepared *p, *none = NULL;

    if (!accepts_gzip || __atomic_load_n(&a->gzip_useless, __ATOMIC_RELAXED))
        return a->plain;
    p = __atomic_load_n(&a->gzip, __ATOMIC_ACQUIRE);
    if (p)
        return p;
    p = compress_form(a);
    if (!p) {
        __atomic_store_n(&a->gzip_useless, true, __ATOMIC_RELAXED);
        return a->plain;
    }
    /* two loops may do it at once: the first one's stays */
    if (!__atomic_compare_exchange_n(&a->gzip, &none, p, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        http_prepared_unref(p);
        p = none;
    }
    return p;
}

bool answer_is_known(const struct answer *a, struct str list)
{
    struct str plain = str_from(a->etag), gzip = str_from(a->gzip_etag);

    if (a->status != 200)
        return false;
    while (list.p) {
        struct str tag = str_trim(str_cut(&list, ','));

        if (str_eq(tag, STR("*")))
            return true;
        if (str_starts(tag, STR("W/")))
            tag = str_of(tag.p + 2, tag.len - 2);
        if (str_eq(tag, plain) || str_eq(tag, gzip))
            return true;
    }
    return false;
}

/* --- bytes --- */

/* Version, status, link, a line end, the body. */
void answer_encode(const struct answer *a, struct buf *out)
{
    buf_printf(out, "%c%d %s\n", ENCODED_VERSION, a->status,
               a->link ? a->link : "");
    buf_str(out, answer_body(a));
}

struct answer *answer_decode(struct str bytes)
{
    struct str body = bytes, head = str_cut(&body, '\n'), status;
    uint64_t n;

    if (!body.p || head.len == 0 || head.p[0] != ENCODED_VERSION)
        return NULL;
    head = str_of(head.p + 1, head.len - 1);
    status = str_cut(&head, ' ');
    if (!head.p || !str_to_u64(status, &n) || (n != 200 && n != 404))
        return NULL;
    return answer_new((int)n, head, body);
}
