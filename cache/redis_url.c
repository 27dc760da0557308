/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_url.h"

#include <sys/un.h>

#include "common/mem.h"

enum {
    PORT_DEFAULT = 6379,
    DB_MAX = 65535,
    TEXT_MAX = 4096,
    HOST_MAX = 253
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes; NULL for a bad escape or a NUL. */
static char *decode(struct str s)
{
    char *text = mem_alloc(s.len + 1), *at = text;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];

        if (c == '%') {
            int high = i + 2 < s.len ? hex_value(s.p[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_value(s.p[i + 2]) : -1;
            c = high < 0 || low < 0 ? '\0' : (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            mem_free(text);
            return NULL;
        }
        *at++ = c;
    }
    return text;
}

/* Everything before the last '@' is user and password. */
static int take_login(struct str *rest, struct redis_url *url)
{
    const char *at = NULL;
    struct str login, user;

    for (size_t i = 0; i < rest->len; i++) {
        if (rest->p[i] == '@')
            at = rest->p + i;
    }
    if (!at)
        return RC_OK;
    login = str_of(rest->p, (size_t)(at - rest->p));
    *rest = str_of(at + 1, rest->len - login.len - 1);
    user = str_cut(&login, ':');
    if (user.len) {
        url->user = decode(user);
        if (!url->user)
            return RC_INVALID;
    }
    if (login.p) {
        url->pass = decode(login);
        if (!url->pass)
            return RC_INVALID;
    }
    return url->user && !url->pass ? RC_INVALID : RC_OK;
}

static bool to_number(struct str s, unsigned low, unsigned high, unsigned *out)
{
    uint64_t n;

    if (!str_to_u64(s, &n) || n < low || n > high)
        return false;
    *out = (unsigned)n;
    return true;
}

static bool is_host_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == ':' || c == '%';
}

static int parse_tcp(struct str rest, struct redis_url *url, struct err *err)
{
    struct str path = rest, place = str_cut(&path, '/'), host;

    if (place.len && place.p[0] == '[') { /* IPv6 */
        struct str after = str_of(place.p + 1, place.len - 1);
        host = str_cut(&after, ']');
        if (!after.p || (after.len && after.p[0] != ':'))
            return err_set(err, RC_INVALID, "a bracket is not closed");
        place = after.len ? str_of(after.p + 1, after.len - 1) : STR_NULL;
    } else {
        struct str after = place;
        host = str_cut(&after, ':');
        place = after;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_char(host.p[i]))
            return err_set(err, RC_INVALID, "the host has a wrong character");
    }
    if (host.len == 0 || host.len > HOST_MAX)
        return err_set(err, RC_INVALID, "it names no host");
    if (place.p && !to_number(place, 1, 65535, &url->port))
        return err_set(err, RC_INVALID, "the port is not within 1..65535");
    if (path.p && path.len && !to_number(path, 0, DB_MAX, &url->db))
        return err_set(err, RC_INVALID, "the database is no number");
    url->host = mem_strndup(host.p, host.len);
    return RC_OK;
}

static int parse_unix(struct str rest, struct redis_url *url, struct err *err)
{
    struct str query = rest, path = str_cut(&query, '?');

    if (query.p) {
        if (!str_starts(query, STR("db=")) ||
            !to_number(str_of(query.p + 3, query.len - 3), 0, DB_MAX, &url->db))
            return err_set(err, RC_INVALID, "only ?db=N may follow the path");
    }
    if (path.len == 0 ||
        path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return err_set(err, RC_INVALID,
                       "the path of a socket has 1 to 107 bytes");
    url->host = decode(path);
    if (!url->host)
        return err_set(err, RC_INVALID, "a bad percent escape");
    return RC_OK;
}

static int parse(struct str text, struct redis_url *url, struct err *err)
{
    static const struct {
        struct str prefix;
        enum redis_kind kind;
    } schemes[] = {
        {{"redis://", 8}, REDIS_TCP},
        {{"rediss://", 9}, REDIS_TLS},
        {{"unix://", 7}, REDIS_UNIX},
    };
    size_t i = 0;

    while (i < 3 && !str_starts(text, schemes[i].prefix))
        i++;
    if (i == 3 || text.len > TEXT_MAX)
        return err_set(err, RC_INVALID,
                       "it begins with redis://, rediss:// or unix://");
    url->kind = schemes[i].kind;
    url->port = PORT_DEFAULT;
    text.p += schemes[i].prefix.len;
    text.len -= schemes[i].prefix.len;
    if (take_login(&text, url))
        return err_set(err, RC_INVALID,
                       "user and password are user:pass@, percent-encoded");
#ifndef DATOS_REDIS_TLS
    if (url->kind == REDIS_TLS)
        return err_set(err, RC_UNSUPPORTED,
                       "rediss:// needs hiredis 1.0 or later with TLS, and "
                       "this build has none: use redis:// inside a private "
                       "network, or build where libhiredis has TLS (Debian "
                       "13)");
#endif
    return url->kind == REDIS_UNIX ? parse_unix(text, url, err)
                                   : parse_tcp(text, url, err);
}

int redis_url_parse(struct str text, struct redis_url *out, struct err *err)
{
    struct redis_url url = {0};
    struct err why;
    int rc = parse(text, &url, &why);

    if (rc) {
        redis_url_fini(&url);
        return err_set(err, (enum rc)rc, "REDIS_URL: %s", why.text);
    }
    *out = url;
    return RC_OK;
}

void redis_url_fini(struct redis_url *url)
{
    mem_free(url->host);
    mem_free(url->user);
    mem_free(url->pass);
    *url = (struct redis_url){0};
}
