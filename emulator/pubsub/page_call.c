/* SPDX-License-Identifier: Apache-2.0 */
/* A list call's page, or why there is none. */
#include "emulator/pubsub/admin.h"

enum {
    PAGE_SIZE_MAX = 1000
};

/* "projects/p" into the prefix "projects/p/". */
static bool prefix_of(struct rpc_call *call, const struct pubsub *s,
                      const char *project, struct buf *out)
{
    if (!project)
        return true;
    if (strncmp(project, "projects/", 9) != 0 || !project[9] ||
        strchr(project + 9, '/')) {
        refuse_name(call, s, "projects", project);
        return false;
    }
    buf_printf(out, "%s/", project);
    return true;
}

bool page_under(struct rpc_call *call, const struct pubsub *s,
                const struct page_list *list, int32_t size, const char *token,
                struct page *out)
{
    if (is_strict(s) && (size < 0 || size > PAGE_SIZE_MAX)) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "The value for page_size is out of bounds. You passed %d in "
                 "the request, but the value must be between 0 and %d.",
                 (int)size, PAGE_SIZE_MAX);
        return false;
    }
    if (size < 0) /* as Google's emulator */
        size = 0;
    if (page_find(list, (uint32_t)size, token, out) ||
        (!is_strict(s) && page_find(list, (uint32_t)size, "", out)))
        return true;
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "Invalid page token given (token=%s).", token);
    return false;
}

bool page_of(struct rpc_call *call, const struct pubsub *s,
             const struct page_list *list, const char *project, int32_t size,
             const char *token, struct page *out)
{
    struct page_list own = *list;
    struct buf prefix;
    bool ok;

    buf_init(&prefix, 4096);
    ok = prefix_of(call, s, project, &prefix);
    own.prefix = buf_as_str(&prefix);
    ok = ok && page_under(call, s, &own, size, token, out);
    buf_fini(&prefix);
    return ok;
}
