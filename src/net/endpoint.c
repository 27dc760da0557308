/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include <stdio.h>

/* host:port, [v6]:port; nothing that could smuggle a path or a user in. */
static bool authority_ok(struct str s)
{
    struct str host = s;
    uint64_t port;
    const char *colon = NULL;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || strchr("/?#@\\\"'%", c))
            return false;
        if (c == ':')
            colon = s.p + i;
    }
    if (!colon)
        return false;
    host.len = (size_t)(colon - s.p);
    if (host.len == 0)
        return false;
    if (memchr(host.p, ':', host.len) &&
        (host.p[0] != '[' || host.p[host.len - 1] != ']'))
        return false;
    return str_to_u64(str_of(colon + 1, s.len - host.len - 1), &port) &&
           port >= 1 && port <= 65535;
}

static int init_emulator(struct endpoint *e, const char *emulator,
                         const char *variable, struct err *err)
{
    struct str s = str_trim(str_from(emulator));

    if (str_starts(s, STR("http://")))
        s = str_of(s.p + 7, s.len - 7);
    while (s.len && s.p[s.len - 1] == '/')
        s.len--;
    if (!authority_ok(s) || s.len > sizeof(e->base) - 8)
        return err_set(err, RC_INVALID,
                       "%s is '%.100s', but must be host:port, such as "
                       "127.0.0.1:8085",
                       variable, emulator);
    snprintf(e->base, sizeof(e->base), "http://%.*s", STR_ARG(s));
    e->is_emulator = true;
    return RC_OK;
}

static bool domain_ok(struct str s)
{
    if (s.len == 0 || s.len > 200 || s.p[0] == '.' || s.p[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '.' || c == '-'))
            return false;
    }
    return true;
}

int endpoint_init(struct endpoint *e, const char *service, const char *emulator,
                  const char *variable, const char *universe, struct err *err)
{
    *e = (struct endpoint){{0}, false};
    if (emulator && emulator[0])
        return init_emulator(e, emulator, variable, err);
    if (!universe || !universe[0])
        universe = ENDPOINT_UNIVERSE;
    if (!domain_ok(str_from(universe)))
        return err_set(err, RC_INVALID,
                       "GOOGLE_CLOUD_UNIVERSE_DOMAIN is '%.100s', but must be "
                       "a domain, such as " ENDPOINT_UNIVERSE,
                       universe);
    snprintf(e->base, sizeof(e->base), "https://%s.%s", service, universe);
    return RC_OK;
}

bool endpoint_host_is_loopback(struct str host)
{
    uint64_t part;
    struct str rest = host;

    if (str_ieq(host, STR("localhost")) || str_eq(host, STR("::1")) ||
        str_eq(host, STR("[::1]")))
        return true;
    if (!str_starts(host, STR("127.")))
        return false;
    for (int i = 0; i < 4; i++) {
        if (!rest.p || !str_to_u64(str_cut(&rest, '.'), &part) || part > 255)
            return false;
    }
    return rest.p == NULL;
}

bool endpoint_url_is_safe(struct str url)
{
    struct str host;
    const char *end;

    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == '\\')
            return false;
    }
    if (str_starts(url, STR("https://")))
        return url.len > 8;
    if (!str_starts(url, STR("http://")))
        return false;
    host = str_of(url.p + 7, url.len - 7);
    for (end = host.p; end < host.p + host.len; end++) {
        if (*end == '/' || *end == '?' || *end == '#')
            break;
    }
    host.len = (size_t)(end - host.p);
    if (memchr(host.p, '@', host.len))
        return false;
    if (host.len && host.p[0] == '[') {
        end = memchr(host.p, ']', host.len);
        return end && endpoint_host_is_loopback(
                          str_of(host.p, (size_t)(end - host.p) + 1));
    }
    return endpoint_host_is_loopback(str_cut(&host, ':'));
}
