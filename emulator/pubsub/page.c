/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/page.h"

#include "common/base64.h"
#include "common/buf.h"
#include "common/mem.h"

enum {
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000
};

static char *write_token(const struct page_list *list, struct str name)
{
    char *text = mem_printf("%.*s %s", STR_ARG(name), list->name);
    size_t len = strlen(text);
    char *token = mem_alloc(base64_encoded_max(len) + 1);

    base64_encode_url(token, text, len);
    mem_free(text);
    return token;
}

/* The name behind which the page begins. It need not be there any more, but it
 * must be one that this list could have shown. */
static bool read_token(const struct page_list *list, const char *token,
                       struct buf *text, struct str *after)
{
    struct str all = str_from(token), own = str_from(list->name);

    if (!buf_reserve(text, base64_decoded_max(all.len)) ||
        !base64_decode(all, text->data, &text->len))
        return false;
    *after = buf_as_str(text);
    if (!str_ends(*after, own) || after->len == own.len)
        return false;
    after->len -= own.len + 1;
    return after->p[after->len] == ' ' &&
           str_starts(*after, STR("projects/")) &&
           str_starts(*after, list->prefix);
}

static void cut(const struct page_list *list, size_t from, size_t size,
                struct page *out)
{
    const struct names *names = list->names;
    bool more;

    *out = (struct page){.rows = names->rows + from};
    while (from + out->n < names->n && out->n < size &&
           str_starts(names->rows[from + out->n].name, list->prefix))
        out->n++;
    more = out->n == size && from + size < names->n &&
           str_starts(names->rows[from + size].name, list->prefix);
    out->token = more ? write_token(list, names->rows[from + size - 1].name)
                      : mem_strdup("");
}

bool page_find(const struct page_list *list, uint32_t size, const char *token,
               struct page *out)
{
    const struct names *names = list->names;
    size_t from = names_lower(names, list->prefix);
    struct str after = STR_NULL;
    struct buf text;

    buf_init(&text, 4096);
    if (*token && !read_token(list, token, &text, &after)) {
        buf_fini(&text);
        return false;
    }
    if (after.len) {
        size_t i = names_lower(names, after);

        if (i < names->n && str_eq(names->rows[i].name, after))
            i++;
        from = i > from ? i : from;
    }
    buf_fini(&text);
    cut(list, from,
        size == 0         ? PAGE_DEFAULT
        : size > PAGE_MAX ? PAGE_MAX
                          : size,
        out);
    return true;
}
