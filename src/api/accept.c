/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

/* Is the weight among the parameters zero? */
static bool is_refused(struct str parameters)
{
    while (parameters.p) {
        struct str p = str_trim(str_cut(&parameters, ';'));

        if (p.len < 3 || (p.p[0] | 0x20) != 'q' || p.p[1] != '=' ||
            p.p[2] != '0')
            continue;
        for (size_t i = 3; i < p.len; i++) {
            if (p.p[i] != '.' && p.p[i] != '0')
                return false;
        }
        return true;
    }
    return false;
}

/* How closely a range names a type: 3 exactly, 2 by its main type, 1 any,
 * 0 not. */
static int closeness(struct str range, struct str type)
{
    struct str rest = type, main = str_cut(&rest, '/');

    if (str_ieq(range, type))
        return 3;
    if (str_eq(range, STR("*/*")))
        return 1;
    if (range.len == main.len + 2 && str_ends(range, STR("/*")) &&
        str_ieq(str_of(range.p, main.len), main))
        return 2;
    return 0;
}

bool accept_type(struct str accept, struct str type)
{
    int best = 0;
    bool taken = false;

    if (!accept.p || accept.len == 0)
        return true;
    while (accept.p) {
        struct str item = str_cut(&accept, ',');
        struct str range = str_trim(str_cut(&item, ';'));
        int close = closeness(range, type);

        /* the closest range decides (RFC 9110 section 12.5.1) */
        if (close > best) {
            best = close;
            taken = !is_refused(item);
        }
    }
    return taken;
}

bool accept_gzip(struct str field)
{
    int best = 0;
    bool taken = false;

    while (field.p) {
        struct str item = str_cut(&field, ',');
        struct str name = str_trim(str_cut(&item, ';'));
        int close = str_ieq(name, STR("gzip")) || str_ieq(name, STR("x-gzip"))
                        ? 2
                        : str_eq(name, STR("*"));

        if (close > best) {
            best = close;
            taken = !is_refused(item);
        }
    }
    return taken;
}

struct str accept_media_type(struct str field, bool *is_utf8)
{
    struct str type = str_trim(str_cut(&field, ';'));

    *is_utf8 = true;
    while (field.p) {
        struct str value = str_trim(str_cut(&field, ';'));
        struct str name = str_cut(&value, '=');

        if (!str_ieq(str_trim(name), STR("charset")) || !value.p)
            continue;
        if (value.len >= 2 && value.p[0] == '"')
            value = str_of(value.p + 1, value.len - 2);
        *is_utf8 = str_ieq(value, STR("utf-8")) ||
                   str_ieq(value, STR("utf8")) ||
                   str_ieq(value, STR("us-ascii"));
    }
    return type;
}
