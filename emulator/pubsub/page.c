/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of lists. A token is the last name shown, in base64: rows that come and
 * go between two pages disturb no other row. */
#include "common/base64.h"
#include "emulator/pubsub/admin.h"

enum {
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000
};

static bool read_token(const char *token, struct buf *name)
{
    struct str text = str_from(token);

    return buf_reserve(name, base64_decoded_max(text.len)) &&
           base64_decode(text, name->data, &name->len) &&
           str_starts(buf_as_str(name), STR("projects/"));
}

static char *write_token(struct str name)
{
    char *token = mem_alloc(base64_encoded_max(name.len) + 1);

    base64_encode_url(token, name.p, name.len);
    return token;
}

static bool refuse(struct rpc_call *call, const char *token)
{
    rpc_fail(call, GRPC_INVALID_ARGUMENT,
             "Invalid page token given (token=%s).", token);
    return false;
}

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

static void cut(const struct names *names, size_t from, size_t size,
                struct str prefix, struct page *out)
{
    bool more;

    *out = (struct page){.rows = names->rows + from};
    while (from + out->n < names->n && out->n < size &&
           str_starts(names->rows[from + out->n].name, prefix))
        out->n++;
    more = out->n == size && from + size < names->n &&
           str_starts(names->rows[from + size].name, prefix);
    out->token =
        write_token(more ? names->rows[from + size - 1].name : STR(""));
}

bool page_of(struct rpc_call *call, const struct pubsub *s,
             const struct names *names, const char *project, int32_t size,
             const char *token, struct page *out)
{
    struct buf prefix, after;
    size_t from;
    bool ok;

    if (!is_strict(s)) { /* as Google's emulator */
        size = size < 0 ? 0 : size;
    } else if (size < 0) {
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "You have passed an invalid argument to the service "
                 "(argument=page_size).");
        return false;
    }
    buf_init(&prefix, 4096);
    buf_init(&after, 4096);
    ok = prefix_of(call, s, project, &prefix);
    if (ok && *token && !read_token(token, &after)) {
        buf_reset(&after);
        ok = !is_strict(s) || refuse(call, token);
    }
    if (ok) {
        from = names_lower(names, buf_as_str(&prefix));
        if (after.len) {
            size_t i = names_lower(names, buf_as_str(&after));

            if (i < names->n && str_eq(names->rows[i].name, buf_as_str(&after)))
                i++;
            from = i > from ? i : from;
        }
        size = size == 0 ? PAGE_DEFAULT : size > PAGE_MAX ? PAGE_MAX : size;
        cut(names, from, (size_t)size, buf_as_str(&prefix), out);
    }
    buf_fini(&after);
    buf_fini(&prefix);
    return ok;
}
