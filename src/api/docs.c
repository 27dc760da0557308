/* SPDX-License-Identifier: Apache-2.0 */
/* GET /docs: a page for people, made from the route table and the schema. It
 * loads nothing, from here or elsewhere. */
#include "api/app.h"
#include "common/buf.h"

static void put_text(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.p[i]) {
        case '<':
            buf_puts(b, "&lt;");
            break;
        case '>':
            buf_puts(b, "&gt;");
            break;
        case '&':
            buf_puts(b, "&amp;");
            break;
        case '"':
            buf_puts(b, "&quot;");
            break;
        default:
            buf_putc(b, s.p[i]);
        }
    }
}

static void put_routes(struct buf *b, const struct api *api)
{
    buf_puts(b, "<h2>Paths</h2><table><tr><th>path</th><th>methods</th>"
                "<th>what it is</th></tr>");
    for (int i = 0; i < ROUTE_OTHER; i++) {
        const struct route *r = route_at((enum route_id)i);

        if (!api_serves(api, r->id))
            continue;
        buf_puts(b, "<tr><td><code>");
        put_text(b, str_from(r->path));
        buf_puts(b, "</code></td><td>");
        put_text(b, route_allow(r));
        buf_puts(b, "</td><td>");
        put_text(b, str_from(r->summary));
        buf_puts(b, "</td></tr>");
    }
    buf_puts(b, "</table>");
}

static void put_columns(struct buf *b, const struct schema *schema)
{
    buf_puts(b, "<h2>A record</h2><table><tr><th>member</th><th>type</th>"
                "<th>mode</th><th>meaning</th></tr>");
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct schema_field *f = &schema->fields[i];

        buf_puts(b, "<tr><td><code>");
        put_text(b, f->name);
        buf_printf(b, "</code></td><td>%s</td><td>%s</td><td>",
                   schema_type_name(f->type), schema_mode_name(f->mode));
        put_text(b, f->description);
        buf_puts(b, "</td></tr>");
    }
    buf_puts(b, "</table>");
}

struct http_prepared *docs_new(const struct api *api)
{
    static const struct http_field fields[] = {
        {{"content-type", 12}, {"text/html; charset=utf-8", 24}},
        {{"cache-control", 13}, {"no-store", 8}},
        {{"x-content-type-options", 22}, {"nosniff", 7}},
        {{"referrer-policy", 15}, {"no-referrer", 11}},
        {{"content-security-policy", 23},
         {"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors "
          "'none'; base-uri 'none'; form-action 'none'",
          106}},
    };
    struct http_prepared *page;
    struct buf b;

    buf_init(&b, 1024 * 1024);
    buf_puts(
        &b,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        "<title>datos</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem "
        "auto;padding:0 1rem;color:#222;background:#fff}"
        "table{border-collapse:collapse;width:100%}"
        "td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid "
        "#ccc;vertical-align:top}"
        "code,pre{font-family:ui-monospace,monospace;background:#f3f3f3}"
        "code{padding:.1rem .2rem}pre{padding:.8rem;overflow:auto}"
        "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
        "code,pre{background:#282828}td,th{border-color:#444}}"
        "</style></head><body><h1>datos</h1>"
        "<p>Events from Pub/Sub, validated, stored, served. The newest "
        "records come first; times are UTC. This interface as a document for "
        "programs: <a href=\"/openapi.json\">/openapi.json</a>.</p>");
    put_routes(&b, api);
    put_columns(&b, api->schema);
    buf_puts(
        &b,
        "<h2>Reading</h2><pre>"
        "curl 'http://localhost:8080/datos?limit=2'\n"
        "curl 'http://localhost:8080/datos?since=2025-01-14T00:00:00Z&amp;"
        "until=2025-01-15T00:00:00Z'\n"
        "curl -N http://localhost:8080/datos/stream</pre>"
        "<p><code>limit</code> 1 to 1000 (10), <code>since</code> inclusive, "
        "<code>until</code> exclusive, <code>id</code>, <code>cursor</code> "
        "(from the field <code>Link</code> of a page). Answers carry "
        "<code>ETag</code>; <code>If-None-Match</code> gets 304.</p>"
        "<h2>Writing</h2><pre>"
        "curl -i http://localhost:8080/datos -H 'Content-Type: "
        "application/json' \\\n  -d '{\"id\":\"123\",\"contenido\":\"Este es "
        "un mensaje de prueba\",\"timestamp\":\"2025-01-14T10:00:00Z\"}'"
        "</pre><p>201 after the commit; the same record again 200; the same "
        "id with other content 409. An array, or lines of "
        "<code>application/x-ndjson</code>, is stored whole or not at all. "
        "Errors are <code>application/problem+json</code>.</p></body></html>");
    page = b.failed ? NULL : http_prepared_new(200, fields, 5, buf_as_str(&b));
    buf_fini(&b);
    return page;
}

void get_docs(struct exchange *x)
{
    reply_prepared(x, x->l->api->docs, 0, STR(""));
}
