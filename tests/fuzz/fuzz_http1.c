/* SPDX-License-Identifier: Apache-2.0 */
/* modules: src/common src/http */
/* Heads and chunked bodies. The first byte says into what pieces the rest is
 * cut; the pieces must never change the outcome. */
#include <stdlib.h>
#include <string.h>

#include "http/http1.h"

enum {
    LIMIT = 4096
};

struct outcome {
    int status; /* -1: incomplete */
    size_t head_len;
    struct http_head head;
    struct http_field_at fields[HTTP_MAX_FIELDS];
    char bytes[LIMIT];
    ptrdiff_t body; /* bytes of body taken, or its error */
    size_t data_len;
    bool ended;
    uint64_t data_sum;
};

static void require(bool what)
{
    if (!what)
        abort();
}

static void read_body(struct outcome *o, const char *p, size_t len, size_t step)
{
    struct http1_chunks chunks = {0};
    size_t at = 0;

    while (at < len && !o->ended) {
        size_t piece = len - at < step ? len - at : step;
        struct str data;
        ptrdiff_t n =
            http1_chunks_feed(&chunks, p + at, piece, 256, &data, &o->ended);

        if (n < 0) {
            o->body = n;
            return;
        }
        require(n > 0 && (size_t)n <= piece && data.len <= (size_t)n);
        for (size_t i = 0; i < data.len; i++)
            o->data_sum = o->data_sum * 31 + (unsigned char)data.p[i];
        o->data_len += data.len;
        at += (size_t)n;
    }
    o->body = (ptrdiff_t)at;
}

static void read_all(struct outcome *o, const char *p, size_t len, size_t step)
{
    struct http1_scan scan = {0};
    const char *detail = NULL;

    memset(o, 0, sizeof(*o));
    for (size_t n = 0; n < len && !o->status && !o->head_len;) {
        n = len - n < step ? len : n + step;
        o->status = http1_scan(&scan, p, n, LIMIT, &o->head_len, &detail);
    }
    require(!o->status || detail);
    if (o->status || !o->head_len) {
        o->status = o->status ? o->status : -1;
        return;
    }
    require(o->head_len <= LIMIT);
    memcpy(o->bytes, p, o->head_len);
    o->head.fields = o->fields;
    o->head.n_fields_max = HTTP_MAX_FIELDS;
    o->status = http1_parse_head(&o->head, o->bytes, o->head_len, &detail);
    o->head.fields = NULL;
    if (o->status) {
        require(o->status >= 400 && o->status < 600 && detail);
        return;
    }
    require(!(o->head.chunked && o->head.has_length));
    if (o->head.chunked)
        read_body(o, p + o->head_len, len - o->head_len, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct outcome whole, split;
    const char *p = (const char *)bytes + 1;

    if (len < 2)
        return 0;
    read_all(&whole, p, len - 1, len);
    read_all(&split, p, len - 1, 1U + bytes[0] % 16U);
    require(whole.status == split.status);
    if (whole.status == 0)
        require(memcmp(&whole, &split, sizeof(whole)) == 0);
    return 0;
}
