/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/app.h"

static const struct route routes[N_ROUTES] = {
#define ROUTE(id, path, get, post, type, summary)                              \
    {ROUTE_##id, path, get, post, type, summary},
#include "api/routes.def"
#undef ROUTE
};

const struct route *route_at(enum route_id id)
{
    return &routes[id];
}

const struct route *route_find(struct str path, struct str *segment)
{
    static const struct str prefix = {"/datos/", 7};

    for (int i = 0; i < ROUTE_OTHER; i++) {
        if (str_eq(path, str_from(routes[i].path)) && i != ROUTE_RECORD)
            return &routes[i];
    }
    if (str_starts(path, prefix) && path.len > prefix.len &&
        !memchr(path.p + prefix.len, '/', path.len - prefix.len)) {
        *segment = str_of(path.p + prefix.len, path.len - prefix.len);
        return &routes[ROUTE_RECORD];
    }
    return &routes[ROUTE_OTHER];
}

struct str route_allow(const struct route *r)
{
    if (r->get && r->post)
        return STR("GET, HEAD, OPTIONS, POST");
    if (r->get)
        return STR("GET, HEAD, OPTIONS");
    return r->post ? STR("OPTIONS, POST") : STR("OPTIONS");
}
