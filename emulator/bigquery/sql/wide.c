/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/wide.h"

#include <ctype.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"

/* Behind the literal or quoted name that begins at p; a doubled quote just
 * begins another one. */
static const char *skip_quoted(const char *p)
{
    const char *end = strchr(p + 1, *p);

    return end ? end + 1 : p + strlen(p);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The next place that names the column, outside of literals; NULL: none. */
static const char *next(const char *sql, const char *p, const char *column,
                        size_t len)
{
    while (*p) {
        if (strncmp(p, column, len) == 0 && (p == sql || !is_word(p[-1])))
            return p;
        p = *p == '\'' || *p == '"' ? skip_quoted(p) : p + 1;
    }
    return NULL;
}

size_t wide_count(const char *sql, const char *column)
{
    size_t len = strlen(column), n = 0;

    for (const char *p = sql; (p = next(sql, p, column, len)); p += len)
        n++;
    return n;
}

const char *wide_mark(struct arena *a, const char *sql, const char *column,
                      int ref, bool all_rows)
{
    struct buf *out = arena_buf(a);
    size_t len = strlen(column);
    const char *from = sql, *p = sql;

    for (; (p = next(sql, p, column, len)); p += len) {
        buf_append(out, from, (size_t)(p - from));
        buf_printf(out, "/*%c%d*/", all_rows ? 'w' : 'v', ref);
        from = p;
    }
    buf_puts(out, from);
    return arena_buf_take(a, out);
}

/* Length of the mark at p, 0 if there is none. */
static size_t mark_at(const char *p, bool *all_rows, size_t *ref)
{
    char *end;

    if (p[0] != '/' || p[1] != '*' || (p[2] != 'w' && p[2] != 'v'))
        return 0;
    *all_rows = p[2] == 'w';
    *ref = strtoul(p + 3, &end, 10);
    return end[0] == '*' && end[1] == '/' ? (size_t)(end + 2 - p) : 0;
}

char *wide_apply(const struct sql_stmt *stmt, const char *sql)
{
    size_t ref = 0, n = strlen(sql) + 1;
    bool any = false, all_rows = false;
    char *out;

    for (size_t i = 0; i < stmt->n_refs; i++)
        any |= stmt->refs[i].wide;
    out = any ? mem_try_alloc(n) : NULL;
    if (!out)
        return NULL;
    memcpy(out, sql, n);
    for (char *p = out; *p;) {
        size_t len = mark_at(p, &all_rows, &ref);

        if (len && ref < stmt->n_refs && stmt->refs[ref].wide &&
            (all_rows || !stmt->limited)) {
            memset(p, ' ', len);
            *p = '+';
        }
        if (*p == '\'' || *p == '"')
            p += skip_quoted(p) - p;
        else
            p += len ? len : 1;
    }
    return out;
}
