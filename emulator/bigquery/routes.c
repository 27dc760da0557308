/* SPDX-License-Identifier: Apache-2.0 */
/* Which handler answers which method and path. */
#include "emulator/bigquery/api.h"
#include "emulator/bigquery/handlers.h"

const struct route routes[] = {
#define ROUTE(name, method, path, on, handler)                                 \
    {name, method, path, on, handler},
#include "emulator/bigquery/routes.def"
#undef ROUTE
    {NULL, NULL, NULL, ON_LOOP, NULL},
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A bad escape stays as it is written. */
static struct str decode(struct str in, struct buf *text)
{
    size_t at = text->len;

    for (size_t i = 0; i < in.len; i++) {
        int high = i + 2 < in.len ? hex(in.p[i + 1]) : -1;
        int low = i + 2 < in.len ? hex(in.p[i + 2]) : -1;

        if (in.p[i] == '%' && high >= 0 && low >= 0) {
            buf_putc(text, (char)(high * 16 + low));
            i += 2;
        } else {
            buf_putc(text, in.p[i]);
        }
    }
    buf_putc(text, '\0');
    return str_of(text->data + at, text->len - at - 1);
}

static bool fits(const char *template, struct str path, struct str *segments)
{
    struct str want = str_from(template);
    size_t n = 0;

    while (want.p && path.p) {
        struct str w = str_cut(&want, '/'), p = str_cut(&path, '/');

        if (w.len < 2 || w.p[0] != '{') {
            if (!str_eq(w, p))
                return false;
            continue;
        }
        w = str_of(w.p + 2, w.len - 2); /* ":undelete", or nothing */
        if (!str_ends(p, w) || p.len == w.len || n == CALL_MAX_VARS)
            return false;
        segments[n++] = str_of(p.p, p.len - w.len);
    }
    return !want.p && !path.p;
}

const struct route *route_find(struct str method, struct str path,
                               struct buf *text, struct str *vars,
                               bool *path_known)
{
    for (const struct route *r = routes; r->name; r++) {
        struct str segments[CALL_MAX_VARS] = {{NULL, 0}};

        if (!fits(r->path, path, segments))
            continue;
        *path_known = true;
        if (!str_eq(method, str_from(r->method)))
            continue;
        for (size_t i = 0; i < CALL_MAX_VARS; i++)
            vars[i] = segments[i].p ? decode(segments[i], text) : STR("");
        return r;
    }
    return NULL;
}

static bool skip(struct str *path, struct str prefix)
{
    if (!str_starts(*path, prefix) ||
        (path->len > prefix.len && path->p[prefix.len] != '/'))
        return false;
    *path = str_of(path->p + prefix.len, path->len - prefix.len);
    return true;
}

void route_strip(struct str path, struct buf *out)
{
    while (path.len > 1 && path.p[0] == '/' && path.p[1] == '/')
        path = str_of(path.p + 1, path.len - 1);
    if (skip(&path, STR("/resumable/upload")) || skip(&path, STR("/upload")))
        buf_puts(out, "/upload");
    if (!skip(&path, STR("/bigquery/v2")) && !skip(&path, STR("/bigquery")))
        skip(&path, STR("/v2"));
    while (path.len > 1 && path.p[path.len - 1] == '/')
        path.len--;
    buf_str(out, path);
}
