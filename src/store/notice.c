/* SPDX-License-Identifier: Apache-2.0 */
/* What an invalidation carries: one line of head, then a record a line in its
 * canonical JSON (which holds no line end). Readers parse a record by the
 * schema, so a writer of another version cannot plant anything. */
#include "common/buf.h"
#include "store/writer.h"

void notice_encode(struct buf *b, struct row *const *rows, size_t n_rows,
                   int64_t published_us)
{
    bool complete = true;
    size_t room = b->limit - b->len, need = 64;
    size_t n = 0;

    for (; n < n_rows; n++) {
        if (need + rows[n]->json.len + 1 > room) {
            complete = false;
            break;
        }
        need += rows[n]->json.len + 1;
    }
    buf_printf(b, "datos1 %lld %s\n", (long long)published_us,
               complete ? "all" : "part");
    for (size_t i = 0; i < n; i++) {
        buf_str(b, rows[i]->json);
        buf_putc(b, '\n');
    }
}

int notice_decode(struct str notice, const struct schema *schema,
                  struct row_list *rows, int64_t *published_us,
                  bool *incomplete)
{
    struct str head, word;
    size_t had = rows->n;

    if (notice.len == 0 || notice.p[notice.len - 1] != '\n')
        return RC_MALFORMED;
    notice.len--;
    head = str_cut(&notice, '\n');
    word = str_cut(&head, ' ');
    if (!str_eq(word, STR("datos1")) || !head.p)
        return RC_MALFORMED;
    word = str_cut(&head, ' ');
    if (!str_to_i64(word, published_us) || !head.p)
        return RC_MALFORMED;
    *incomplete = str_eq(head, STR("part"));
    if (!*incomplete && !str_eq(head, STR("all")))
        return RC_MALFORMED;
    while (notice.p) {
        struct str line = str_cut(&notice, '\n');
        struct reject why;
        struct row *row;
        int rc = row_parse(schema, line, NULL, &row, &why);
        if (rc != RC_OK) {
            while (rows->n > had)
                row_unref(rows->rows[--rows->n]);
            return rc == RC_NOMEM ? RC_NOMEM : RC_MALFORMED;
        }
        row_list_push(rows, row);
    }
    return RC_OK;
}
