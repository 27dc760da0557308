/* SPDX-License-Identifier: Apache-2.0 */
/* The route table: path, handlers, documentation. Read-only. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include <stdbool.h>

#include "common/str.h"

struct exchange;

enum route_id {
#define ROUTE(id, path, get, post, type, summary) ROUTE_##id,
#include "api/routes.def"
#undef ROUTE
    N_ROUTES
};

struct route {
    enum route_id id;
    const char *path;                 /* template; also the label of metrics */
    void (*get)(struct exchange *x);  /* HEAD too; NULL: 405 */
    void (*post)(struct exchange *x); /* NULL: 405 */
    const char *type;                 /* of a 200 to GET */
    const char *summary;
};

/* The route of a path (not decoded); ROUTE_OTHER if there is none. For
 * /datos/{id} `*segment` is the id, encoded. */
const struct route *route_find(struct str path, struct str *segment);
const struct route *route_at(enum route_id id);
/* For Allow: `GET, HEAD, OPTIONS`. */
struct str route_allow(const struct route *route);

#endif
