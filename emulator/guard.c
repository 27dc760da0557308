/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/guard.h"

#include <stdlib.h>

#include "http/http.h"

/* The host of "host:port", "[::1]:port" or "host". */
static struct str host_of(struct str authority)
{
    struct str rest = authority;

    if (rest.len && rest.p[0] == '[') {
        rest = str_of(rest.p + 1, rest.len - 1);
        return str_cut(&rest, ']');
    }
    return str_cut(&rest, ':');
}

bool guard_is_loopback(struct str host)
{
    return str_ieq(host, STR("localhost")) ||
           (host.len > 10 &&
            str_ieq(str_of(host.p + host.len - 10, 10), STR(".localhost"))) ||
           str_starts(host, STR("127.")) || str_eq(host, STR("::1"));
}

const char *guard_console_host(const char *host)
{
    const char *token = getenv("DATOS_EMULATOR_TOKEN");

    return guard_is_loopback(str_from(host)) || (token && *token) ? host
                                                                  : "127.0.0.1";
}

static bool host_is_ours(struct str host, const char *bound)
{
    const char *more = getenv("DATOS_EMULATOR_HOSTS");
    struct str rest = str_from(more ? more : "");

    if (guard_is_loopback(host) || str_ieq(host, str_from(bound)))
        return true;
    while (rest.p) {
        struct str one = str_trim(str_cut(&rest, ','));

        if (one.len && str_ieq(one, host))
            return true;
    }
    return false;
}

/* "http://host:port" without its scheme; p NULL: an opaque one ("null"). */
static struct str authority_of(struct str origin)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        struct str scheme = str_from(schemes[i]);

        if (str_starts(origin, scheme))
            return str_of(origin.p + scheme.len, origin.len - scheme.len);
    }
    return STR_NULL;
}

#define FOREIGN_HOST                                                           \
    "Host is neither loopback nor configured: add it to DATOS_EMULATOR_HOSTS"

const char *guard_control(const struct http_req *req, const char *bound)
{
    struct str authority = http_req_known(req, HTTP_H_HOST);
    struct str origin = http_req_known(req, HTTP_H_ORIGIN);

    if (!host_is_ours(host_of(authority), bound))
        return FOREIGN_HOST;
    if (origin.p && !str_ieq(authority_of(origin), authority))
        return "Origin is another site's";
    return NULL;
}

const char *guard_service(const struct http_req *req, const char *bound)
{
    struct str origin = http_req_known(req, HTTP_H_ORIGIN);

    if (origin.p && !host_is_ours(host_of(authority_of(origin)), bound))
        return "Origin is another site's: add its host to DATOS_EMULATOR_HOSTS";
    return NULL;
}
