/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads: the search for their end, request line, fields, and the
 * decisions on framing that RFC 9112 section 6 asks for. */
#include "http/http1.h"

#include "http/chars.h"

enum {
    METHOD_MAX = 32,
    /* Empty lines before a request line are forgiven (RFC 9112 section 2.2):
     * this many bytes of them. */
    BLANK_MAX = 16
};

static int refuse(const char **detail, int status, const char *text)
{
    *detail = text;
    return status;
}

static int over_limit(const struct http1_scan *scan, const char **detail)
{
    if (scan->n_lines == 0)
        return refuse(detail, 414, "the request line is too long");
    return refuse(detail, 431, "the header fields are too large");
}

int http1_scan(struct http1_scan *scan, const char *p, size_t len, size_t limit,
               size_t *head_len, const char **detail)
{
    *head_len = 0;
    while (scan->at < len) {
        const char *lf = memchr(p + scan->at, '\n', len - scan->at);
        size_t end = lf ? (size_t)(lf - p) + 1 : len;

        scan->at = (uint32_t)(end < limit ? end : limit);
        if (end > limit)
            return over_limit(scan, detail);
        if (!lf)
            return 0;
        if (end < scan->line_at + 2 || lf[-1] != '\r')
            return refuse(detail, 400, "a line ends without CR LF");
        if (end > scan->line_at + 2) {
            scan->n_lines++;
        } else if (scan->n_lines) {
            *head_len = end;
            return 0;
        } else if (scan->line_at + 2 > BLANK_MAX) {
            return refuse(detail, 400, "the request line is missing");
        }
        scan->line_at = (uint32_t)end;
    }
    return 0;
}

/* --- request line ------------------------------------------------------- */

enum http_method http_method_of(struct str name)
{
    static const struct str names[] = {
        [HTTP_GET] = {"GET", 3},        [HTTP_HEAD] = {"HEAD", 4},
        [HTTP_POST] = {"POST", 4},      [HTTP_PUT] = {"PUT", 3},
        [HTTP_PATCH] = {"PATCH", 5},    [HTTP_DELETE] = {"DELETE", 6},
        [HTTP_OPTIONS] = {"OPTIONS", 7}};

    for (int i = 0; i < HTTP_OTHER; i++) {
        if (str_eq(name, names[i]))
            return (enum http_method)i;
    }
    return HTTP_OTHER;
}

void http_head_split_target(struct http_head *head, const char *base,
                            struct http_span all)
{
    const char *p = base + all.at;
    const char *mark = memchr(p, '?', all.len);

    head->path = all;
    head->has_query = mark != NULL;
    if (mark) {
        head->path.len = (uint32_t)(mark - p);
        head->query.at = all.at + head->path.len + 1;
        head->query.len = all.len - head->path.len - 1;
    }
}

static bool host_ok(struct str host)
{
    size_t i = 0, colon;

    if (host.len && host.p[0] == '[') {
        while (i < host.len && host.p[i] != ']')
            i++;
        if (i++ == host.len)
            return false;
    }
    for (; i < host.len && host.p[i] != ':'; i++) {
        if (!http_is((unsigned char)host.p[i], HTTP_CH_HOST) ||
            host.p[i] == '[' || host.p[i] == ']' || host.p[0] == '[')
            return false;
    }
    for (colon = i++; i < host.len; i++) {
        if (host.p[i] < '0' || host.p[i] > '9' || i - colon > 5)
            return false;
    }
    for (i = 0; host.len && host.p[0] == '[' && i < colon; i++) {
        if (!http_is((unsigned char)host.p[i], HTTP_CH_HOST))
            return false;
    }
    return true;
}

static size_t scheme_len(struct str target)
{
    if (target.len >= 7 && str_ieq(str_of(target.p, 7), STR("http://")))
        return 7;
    if (target.len >= 8 && str_ieq(str_of(target.p, 8), STR("https://")))
        return 8;
    return 0;
}

/* absolute-form: http://authority/path; its authority beats Host. */
static int parse_absolute(struct http_head *head, const char *base,
                          size_t scheme, const char **detail)
{
    struct http_span all = head->target;
    const char *p = base + all.at;
    size_t i = scheme;

    while (i < all.len && p[i] != '/' && p[i] != '?')
        i++;
    head->authority.at = all.at + (uint32_t)scheme;
    head->authority.len = (uint32_t)(i - scheme);
    if (head->authority.len == 0 || p[scheme] == ':' ||
        !host_ok(str_of(p + scheme, i - scheme)))
        return refuse(detail, 400, "the authority in the target is invalid");
    http_head_split_target(
        head, base,
        (struct http_span){all.at + (uint32_t)i, all.len - (uint32_t)i});
    return 0;
}

static int parse_target(struct http_head *head, const char *base,
                        const char **detail)
{
    struct str target = {base + head->target.at, head->target.len};
    struct str method = {base + head->method_name.at, head->method_name.len};
    size_t scheme;

    if (str_eq(method, STR("CONNECT")))
        return refuse(detail, 501, "CONNECT is not supported");
    if (target.p[0] == '/') {
        http_head_split_target(head, base, head->target);
        return 0;
    }
    if (target.len == 1 && target.p[0] == '*' && head->method == HTTP_OPTIONS) {
        head->path = head->target;
        return 0;
    }
    scheme = scheme_len(target);
    if (scheme)
        return parse_absolute(head, base, scheme, detail);
    return refuse(detail, 400, "the request target is invalid");
}

static int parse_version(struct http_head *head, struct str v,
                         const char **detail)
{
    if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' ||
        v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
        return refuse(detail, 400, "the request line is invalid");
    if (v.p[5] != '1')
        return refuse(detail, 505, "only HTTP/1.1 and HTTP/2 are served");
    head->minor = v.p[7] == '0' ? 0 : 1; /* a higher minor is served as 1.1 */
    return 0;
}

static int parse_request_line(struct http_head *head, char *p, size_t at,
                              size_t end, const char **detail)
{
    static const char bad[] = "the request line is invalid";
    size_t i = at, sp;
    int rc;

    while (i < end && http_is((unsigned char)p[i], HTTP_CH_TOKEN))
        i++;
    if (i == at || i - at > METHOD_MAX || i == end || p[i] != ' ')
        return refuse(detail, 400, bad);
    head->method_name.at = (uint32_t)at;
    head->method_name.len = (uint32_t)(i - at);
    head->method = http_method_of(str_of(p + at, i - at));
    sp = ++i;
    while (i < end && http_is((unsigned char)p[i], HTTP_CH_TARGET))
        i++;
    if (i == sp || i == end || p[i] != ' ')
        return refuse(detail, 400, bad);
    head->target.at = (uint32_t)sp;
    head->target.len = (uint32_t)(i - sp);
    i++;
    rc = parse_version(head, str_of(p + i, end - i), detail);
    return rc ? rc : parse_target(head, p, detail);
}

/* --- fields ------------------------------------------------------------- */

enum http_known_all http_known_find(const char *name, size_t len)
{
#define KNOWN(id, text)                                                        \
    if (len == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0)  \
        return HTTP_K_##id;
#include "http/known.def"
#undef KNOWN
    return HTTP_K_COUNT;
}

bool http_head_add(struct http_head *head, const char *base,
                   struct http_span name, struct http_span value)
{
    enum http_known_all known;

    if (head->n_fields == head->n_fields_max)
        return false;
    head->fields[head->n_fields++] = (struct http_field_at){name, value};
    known = http_known_find(base + name.at, name.len);
    if (known != HTTP_K_COUNT && !head->known[known])
        head->known[known] = (uint8_t)head->n_fields;
    return true;
}

bool http_value_ok(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!http_is((unsigned char)value.p[i], HTTP_CH_VALUE))
            return false;
    }
    return true;
}

bool http_name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!http_is((unsigned char)name.p[i], HTTP_CH_TOKEN) ||
            (name.p[i] >= 'A' && name.p[i] <= 'Z'))
            return false;
    }
    return name.len > 0;
}

static int parse_field(struct http_head *head, char *p, size_t at, size_t end,
                       const char **detail)
{
    size_t i = at, value;

    for (; i < end && http_is((unsigned char)p[i], HTTP_CH_TOKEN); i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    }
    if (i == at || i == end || p[i] != ':')
        return refuse(detail, 400, "a header field is invalid");
    for (value = i + 1; value < end && (p[value] == ' ' || p[value] == '\t');)
        value++;
    while (end > value && (p[end - 1] == ' ' || p[end - 1] == '\t'))
        end--;
    if (!http_value_ok(str_of(p + value, end - value)))
        return refuse(detail, 400, "a header field holds a control character");
    if (!http_head_add(
            head, p, (struct http_span){(uint32_t)at, (uint32_t)(i - at)},
            (struct http_span){(uint32_t)value, (uint32_t)(end - value)}))
        return refuse(detail, 431, "too many header fields");
    return 0;
}

static struct str known_value(const struct http_head *head, const char *p,
                              enum http_known_all id)
{
    struct http_span v = head->fields[head->known[id] - 1].value;
    return str_of(p + v.at, v.len);
}

/* Does any field after the first have the same known name? */
static bool is_repeated(const struct http_head *head, const char *p,
                        enum http_known_all id)
{
    for (unsigned i = head->known[id]; i < head->n_fields; i++) {
        struct http_span n = head->fields[i].name;
        if (http_known_find(p + n.at, n.len) == id)
            return true;
    }
    return false;
}

bool http_list_has(struct str list, struct str token)
{
    while (list.p) {
        if (str_ieq(str_trim(str_cut(&list, ',')), token))
            return true;
    }
    return false;
}

static bool connection_has(const struct http_head *head, const char *p,
                           struct str token)
{
    for (unsigned i = head->known[HTTP_K_CONNECTION]; i && i <= head->n_fields;
         i++) {
        struct http_field_at f = head->fields[i - 1];
        if (http_known_find(p + f.name.at, f.name.len) == HTTP_K_CONNECTION &&
            http_list_has(str_of(p + f.value.at, f.value.len), token))
            return true;
    }
    return false;
}

static int check_host(const struct http_head *head, const char *p,
                      const char **detail)
{
    if (!head->known[HTTP_K_HOST])
        return head->minor == 0
                   ? 0
                   : refuse(detail, 400, "the Host field is missing");
    if (is_repeated(head, p, HTTP_K_HOST))
        return refuse(detail, 400, "more than one Host field");
    if (!host_ok(known_value(head, p, HTTP_K_HOST)))
        return refuse(detail, 400, "the Host field is invalid");
    return 0;
}

static int check_coding(struct http_head *head, const char *p,
                        const char **detail)
{
    struct str coding = known_value(head, p, HTTP_K_TRANSFER_ENCODING);

    if (head->known[HTTP_K_CONTENT_LENGTH])
        return refuse(detail, 400, "both Content-Length and Transfer-Encoding");
    if (head->minor == 0)
        return refuse(detail, 400, "Transfer-Encoding in HTTP/1.0");
    if (is_repeated(head, p, HTTP_K_TRANSFER_ENCODING))
        return refuse(detail, 400, "more than one Transfer-Encoding field");
    if (!str_ieq(coding, STR("chunked")))
        return refuse(detail, 501, "no transfer coding but chunked is served");
    head->chunked = true;
    return 0;
}

static int check_length(struct http_head *head, const char *p,
                        const char **detail)
{
    struct str text = known_value(head, p, HTTP_K_CONTENT_LENGTH);

    if (is_repeated(head, p, HTTP_K_CONTENT_LENGTH))
        return refuse(detail, 400, "more than one Content-Length field");
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return refuse(detail, 400, "the Content-Length is invalid");
    }
    if (text.len > 19 || !str_to_u64(text, &head->length))
        return refuse(detail, 400, "the Content-Length is invalid");
    head->has_length = true;
    return 0;
}

static int check_expect(struct http_head *head, const char *p,
                        const char **detail)
{
    if (is_repeated(head, p, HTTP_K_EXPECT) ||
        !str_ieq(known_value(head, p, HTTP_K_EXPECT), STR("100-continue")))
        return refuse(detail, 417, "only 100-continue may be expected");
    head->expect = head->minor > 0 &&
                   (head->chunked || (head->has_length && head->length));
    return 0;
}

static int check_framing(struct http_head *head, const char *p,
                         const char **detail)
{
    int rc = check_host(head, p, detail);

    if (!rc && head->known[HTTP_K_TRANSFER_ENCODING])
        rc = check_coding(head, p, detail);
    else if (!rc && head->known[HTTP_K_CONTENT_LENGTH])
        rc = check_length(head, p, detail);
    if (!rc && head->known[HTTP_K_EXPECT])
        rc = check_expect(head, p, detail);
    head->keep_alive = head->minor > 0;
    if (!rc && head->known[HTTP_K_CONNECTION]) {
        if (head->minor == 0)
            head->keep_alive = connection_has(head, p, STR("keep-alive"));
        if (connection_has(head, p, STR("close")))
            head->keep_alive = false;
    }
    return rc;
}

int http1_parse_head(struct http_head *head, char *p, size_t len,
                     const char **detail)
{
    struct http_field_at *fields = head->fields;
    unsigned n_fields_max = head->n_fields_max;
    size_t at = 0, end;
    int rc;

    *head = (struct http_head){.fields = fields, .n_fields_max = n_fields_max};
    while (len >= at + 2 && at < BLANK_MAX && p[at] == '\r' &&
           p[at + 1] == '\n')
        at += 2;
    for (bool first = true; at < len; first = false, at = end + 2) {
        char *lf = memchr(p + at, '\n', len - at);

        if (!lf || lf == p + at || lf[-1] != '\r')
            return refuse(detail, 400, "a line ends without CR LF");
        end = (size_t)(lf - p) - 1;
        if (end == at)
            break;
        rc = first ? parse_request_line(head, p, at, end, detail)
                   : parse_field(head, p, at, end, detail);
        if (rc)
            return rc;
    }
    if (!head->target.len)
        return refuse(detail, 400, "the request line is missing");
    return check_framing(head, p, detail);
}
