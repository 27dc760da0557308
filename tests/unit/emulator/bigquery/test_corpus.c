/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL corpus: every file of tests/data/sql, case by case. Format in
 * tests/data/sql/README.md. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog.h"
#include "common/buf.h"

#define FOLDER "tests/data/sql"

enum {
    FILES_MAX = 64
};

static char files[FILES_MAX][300];
static int n_files;

struct one {
    const char *file;
    int line;
    struct buf sql, params, columns, rows, error, counts;
    bool has_rows;
};

static void one_reset(struct one *c)
{
    buf_reset(&c->sql);
    buf_reset(&c->params);
    buf_reset(&c->columns);
    buf_reset(&c->rows);
    buf_reset(&c->error);
    buf_reset(&c->counts);
}

static const char *text(const struct buf *b)
{
    return b->len ? b->data : "";
}

static int complain(const struct one *c, const char *what, const char *want,
                    const char *got)
{
    fprintf(stderr, "%s:%d: %s\n  query: %s\n  want:  %s\n  got:   %s\n",
            c->file, c->line, what, text(&c->sql), want, got);
    return 1;
}

static int check(struct fixture *f, struct one *c)
{
    struct buf columns, rows;
    struct sql_counts counts;
    struct sql_error err;
    char text_counts[80];
    int rc, bad = 0;

    buf_init(&columns, 1 << 20);
    buf_init(&rows, 1 << 24);
    rc = fixture_run(f, text(&c->sql), text(&c->params), &columns, &rows,
                     &counts, &err);
    if (c->error.len) {
        if (rc >= 0)
            bad = complain(c, "was accepted", text(&c->error), text(&rows));
        else if (!strstr(err.text, text(&c->error)))
            bad = complain(c, "other error", text(&c->error), err.text);
    } else if (rc < 0) {
        bad = complain(c, "failed", text(&c->rows), err.text);
    } else if (c->counts.len) {
        snprintf(text_counts, sizeof(text_counts), "%d %d %d",
                 (int)counts.inserted, (int)counts.updated,
                 (int)counts.deleted);
        if (strcmp(text_counts, text(&c->counts)))
            bad = complain(c, "other counts", text(&c->counts), text_counts);
    } else {
        if (c->columns.len && strcmp(text(&columns), text(&c->columns)))
            bad =
                complain(c, "other columns", text(&c->columns), text(&columns));
        if (strcmp(text(&rows), text(&c->rows)))
            bad |= complain(c, "other rows", text(&c->rows), text(&rows));
    }
    buf_fini(&columns);
    buf_fini(&rows);
    return bad;
}

static void line(struct one *c, char mark, const char *rest)
{
    struct buf *to = mark == '>' || mark == '.' ? &c->sql
                     : mark == '@'              ? &c->params
                     : mark == ':'              ? &c->columns
                     : mark == '='              ? &c->rows
                     : mark == '!'              ? &c->error
                     : mark == '~'              ? &c->counts
                                                : NULL;

    ck_assert_msg(to != NULL, "%s:%d: unknown mark %c", c->file, c->line, mark);
    if (mark == '.')
        buf_putc(to, '\n');
    buf_puts(to, rest);
    if (mark == '=')
        buf_putc(to, '\n');
}

START_TEST(answers_every_case_of_the_file)
{
    struct fixture f;
    struct one c = {.file = files[_i]};
    char raw[8192];
    FILE *in = fopen(files[_i], "r");
    int n = 0, bad = 0, at = 0;

    ck_assert_ptr_nonnull(in);
    fixture_init(&f);
    buf_init(&c.sql, 1 << 20);
    buf_init(&c.params, 1 << 20);
    buf_init(&c.columns, 1 << 20);
    buf_init(&c.rows, 1 << 20);
    buf_init(&c.error, 1 << 20);
    buf_init(&c.counts, 1 << 20);
    while (fgets(raw, sizeof(raw), in)) {
        at++;
        raw[strcspn(raw, "\n")] = '\0';
        if (raw[0] == '#')
            continue;
        if (raw[0] == '>' || raw[0] == '\0') {
            if (c.sql.len) {
                n++;
                bad += check(&f, &c);
            }
            one_reset(&c);
            c.line = at;
        }
        if (raw[0])
            line(&c, raw[0], raw[1] == ' ' ? raw + 2 : raw + 1);
    }
    if (c.sql.len) {
        n++;
        bad += check(&f, &c);
    }
    fclose(in);
    buf_fini(&c.sql);
    buf_fini(&c.params);
    buf_fini(&c.columns);
    buf_fini(&c.rows);
    buf_fini(&c.error);
    buf_fini(&c.counts);
    fixture_fini(&f);
    ck_assert_msg(bad == 0, "%s: %d of %d cases", files[_i], bad, n);
    ck_assert_int_gt(n, 0);
}
END_TEST

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_files(void)
{
    DIR *dir = opendir(FOLDER);
    struct dirent *e;

    while (dir && (e = readdir(dir)) && n_files < FILES_MAX) {
        size_t len = strlen(e->d_name);
        if (len > 8 && !strcmp(e->d_name + len - 8, ".sqltest"))
            snprintf(files[n_files++], sizeof(files[0]), "%s/%s", FOLDER,
                     e->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(files, (size_t)n_files, sizeof(files[0]), by_name);
}

Suite *suite_corpus(void)
{
    Suite *s = suite_create("sql corpus");
    TCase *t = tcase_create("files");

    list_files();
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, answers_every_case_of_the_file, 0, n_files);
    suite_add_tcase(s, t);
    return s;
}
