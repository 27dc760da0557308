/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/names.h"

#include "common/buf.h"
#include "common/mem.h"

char *pubsub_full_name(const char *project, const char *kind, const char *id)
{
    if (str_starts(str_from(id), STR("projects/")))
        return mem_strdup(id);
    return mem_printf("projects/%s/%s/%s", project, kind, id);
}

/* RFC 3986 unreserved, and what separates the parts of a name. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("-_.~/:", c));
}

char *pubsub_path(const char *full_name, const char *verb)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_puts(&b, "/v1/");
    for (const char *p = full_name; *p; p++) {
        if (is_plain(*p))
            buf_putc(&b, *p);
        else
            buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*p);
    }
    buf_puts(&b, verb);
    return buf_take(&b, NULL);
}
