/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/page.h"

#include "common/base64.h"
#include "common/buf.h"
#include "common/mem.h"

enum {
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000
};

static char *write_token(struct str name)
{
    char *token = mem_alloc(base64_encoded_max(name.len) + 1);

    base64_encode_url(token, name.p, name.len);
    return token;
}

/* "topics" of "projects/p/topics/t" */
static struct str collection_of(struct str name)
{
    (void)str_cut(&name, '/');
    (void)str_cut(&name, '/');
    return str_cut(&name, '/');
}

/* The name behind which the page begins. It need not be there any more, but it
 * must be one that this list could have shown. */
static bool read_token(const struct names *names, struct str prefix,
                       const char *token, struct buf *name)
{
    struct str text = str_from(token), after;

    if (!buf_reserve(name, base64_decoded_max(text.len)) ||
        !base64_decode(text, name->data, &name->len))
        return false;
    after = buf_as_str(name);
    return str_starts(after, STR("projects/")) && str_starts(after, prefix) &&
           (names->n == 0 ||
            str_eq(collection_of(after), collection_of(names->rows[0].name)));
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

bool page_find(const struct names *names, struct str prefix, uint32_t size,
               const char *token, struct page *out)
{
    size_t from = names_lower(names, prefix);
    struct buf after;

    buf_init(&after, 4096);
    if (*token && !read_token(names, prefix, token, &after)) {
        buf_fini(&after);
        return false;
    }
    if (after.len) {
        size_t i = names_lower(names, buf_as_str(&after));

        if (i < names->n && str_eq(names->rows[i].name, buf_as_str(&after)))
            i++;
        from = i > from ? i : from;
    }
    buf_fini(&after);
    cut(names, from,
        size == 0         ? PAGE_DEFAULT
        : size > PAGE_MAX ? PAGE_MAX
                          : size,
        prefix, out);
    return true;
}
