/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/csv.h"

#include "common/mem.h"

enum {
    RECORD_MAX = 100 << 20
};

void csv_init(struct csv *c, struct str text)
{
    *c = (struct csv){
        .rest = text, .delimiter = ',', .quote = '"', .next_line = 1};
    if (str_starts(text, STR("\xef\xbb\xbf")))
        c->rest = str_of(text.p + 3, text.len - 3);
    buf_init(&c->text, RECORD_MAX);
}

void csv_fini(struct csv *c)
{
    buf_fini(&c->text);
    mem_free(c->fields);
}

static bool begin_field(struct csv *c)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        void *bigger = mem_try_realloc(c->fields, cap * sizeof(*c->fields));

        if (!bigger) {
            c->no_memory = true;
            return false;
        }
        c->fields = bigger;
        c->cap = cap;
    }
    c->fields[c->n++] = (struct csv_field){.at = c->text.len};
    return true;
}

/* Behind the closing quote; what stands there belongs to the value. */
static const char *quoted(struct csv *c, const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == c->quote) {
            if (p + 1 == end || p[1] != c->quote)
                return p + 1;
            p++;
        } else if (*p == '\n') {
            c->next_line++;
            if (!c->newlines) {
                c->error = "Missing close double quote (\") character.";
                return p;
            }
        }
        buf_putc(&c->text, *p);
    }
    c->error = "Missing close double quote (\") character.";
    return p;
}

static const char *one_field(struct csv *c, const char *p, const char *end)
{
    struct csv_field *f = &c->fields[c->n - 1];

    if (c->quote && p < end && *p == c->quote) {
        f->quoted = true;
        p = quoted(c, p, end);
        if (p < end && *p != c->delimiter && *p != '\n' && *p != '\r' &&
            !c->error)
            c->error = "Data between close double quote (\") and field "
                       "separator.";
    }
    while (p < end && *p != c->delimiter && *p != '\n') {
        if (*p != '\r' || (p + 1 < end && p[1] != '\n'))
            buf_putc(&c->text, *p);
        p++;
    }
    c->fields[c->n - 1].len = c->text.len - c->fields[c->n - 1].at;
    return p;
}

bool csv_next(struct csv *c)
{
    const char *p = c->rest.p, *end = p + c->rest.len;

    while (p < end && (*p == '\n' || *p == '\r')) {
        c->next_line += *p == '\n';
        p++;
    }
    buf_reset(&c->text);
    c->n = 0;
    c->error = NULL;
    c->line = c->next_line;
    if (p >= end)
        return false;
    for (;;) {
        if (!begin_field(c))
            return false;
        p = one_field(c, p, end);
        if (p >= end || *p == '\n')
            break;
        p++; /* the delimiter */
    }
    c->next_line++;
    if (p < end)
        p++;
    c->rest = str_of(p, (size_t)(end - p));
    if (c->text.failed)
        c->error = "Row is larger than the maximum allowed size.";
    return true;
}
