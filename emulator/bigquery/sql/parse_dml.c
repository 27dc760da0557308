/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE, DELETE, MERGE, TRUNCATE (Data manipulation language). */
#include "emulator/bigquery/sql/parse.h"

static struct ast_stmt *stmt_new(struct parser *p, enum sql_kind kind)
{
    struct ast_stmt *s = ARENA_NEW(p->mem, struct ast_stmt);

    s->kind = kind;
    s->at = p->tok.at;
    return s;
}

static struct ast_row *rows(struct parser *p)
{
    struct ast_row *first = NULL, **tail = &first;

    do {
        struct ast_row *r = ARENA_NEW(p->mem, struct ast_row);
        r->at = p->tok.at;
        parse_expect(p, "(");
        r->values = parse_expr_list(p);
        parse_expect(p, ")");
        *tail = r;
        tail = &r->next;
    } while (parse_eat(p, ","));
    return first;
}

static struct ast_stmt *insert(struct parser *p)
{
    struct ast_stmt *s = stmt_new(p, SQL_INSERT);

    parse_advance(p);
    parse_eat(p, "INTO");
    s->target = parse_table_path(p);
    if (parse_is(p, "("))
        s->columns = parse_name_list(p);
    if (parse_eat(p, "VALUES"))
        s->rows = rows(p);
    else
        s->query = parse_query(p);
    return s;
}

static struct ast_set *sets(struct parser *p)
{
    struct ast_set *first = NULL, **tail = &first;

    do {
        struct ast_set *s = ARENA_NEW(p->mem, struct ast_set);
        s->at = p->tok.at;
        if (parse_is(p, "("))
            parse_refuse(p, s->at, "Nested DML");
        s->path.at = s->at;
        do {
            if (s->path.n == 8)
                parse_unexpected(p);
            s->path.part[s->path.n++] = parse_name(p);
        } while (parse_eat(p, "."));
        parse_expect(p, "=");
        s->value = parse_expr(p);
        *tail = s;
        tail = &s->next;
    } while (parse_eat(p, ","));
    return first;
}

static void need_where(struct parser *p, size_t at, const char *what)
{
    if (!parse_is(p, "WHERE"))
        parse_fail(p, at, "%s must have a WHERE clause", what);
    parse_advance(p);
}

static struct ast_stmt *update(struct parser *p)
{
    struct ast_stmt *s = stmt_new(p, SQL_UPDATE);

    parse_advance(p);
    s->target = parse_table_path(p);
    s->alias = parse_alias(p);
    parse_expect(p, "SET");
    s->sets = sets(p);
    if (parse_eat(p, "FROM"))
        s->from = parse_from(p);
    need_where(p, s->at, "UPDATE");
    s->where = parse_expr(p);
    return s;
}

static struct ast_stmt *delete (struct parser *p)
{
    struct ast_stmt *s = stmt_new(p, SQL_DELETE);

    parse_advance(p);
    parse_eat(p, "FROM");
    s->target = parse_table_path(p);
    s->alias = parse_alias(p);
    need_where(p, s->at, "DELETE");
    s->where = parse_expr(p);
    return s;
}

static void merge_insert(struct parser *p, struct ast_when *w)
{
    w->action = DO_INSERT;
    if (parse_is(p, "("))
        w->columns = parse_name_list(p);
    if (parse_eat(p, "ROW")) {
        w->insert_row = true;
        return;
    }
    parse_expect(p, "VALUES");
    parse_expect(p, "(");
    w->values = parse_expr_list(p);
    parse_expect(p, ")");
}

static struct ast_when *merge_when(struct parser *p)
{
    struct ast_when *w = ARENA_NEW(p->mem, struct ast_when);

    w->at = p->tok.at;
    parse_expect(p, "WHEN");
    if (parse_eat(p, "NOT")) {
        w->match = WHEN_NOT_MATCHED;
        parse_expect(p, "MATCHED");
        if (parse_eat(p, "BY")) {
            if (parse_eat(p, "SOURCE"))
                w->match = WHEN_NOT_MATCHED_BY_SOURCE;
            else
                parse_expect(p, "TARGET");
        }
    } else {
        parse_expect(p, "MATCHED");
    }
    if (parse_eat(p, "AND"))
        w->condition = parse_expr(p);
    parse_expect(p, "THEN");
    if (parse_eat(p, "INSERT")) {
        if (w->match != WHEN_NOT_MATCHED)
            parse_fail(p, w->at,
                       "INSERT is only allowed in WHEN NOT MATCHED "
                       "BY TARGET");
        merge_insert(p, w);
        return w;
    }
    if (w->match == WHEN_NOT_MATCHED)
        parse_expected(p, "keyword INSERT");
    if (parse_eat(p, "DELETE")) {
        w->action = DO_DELETE;
    } else {
        parse_expect(p, "UPDATE");
        parse_expect(p, "SET");
        w->action = DO_UPDATE;
        w->sets = sets(p);
    }
    return w;
}

static struct ast_stmt *merge(struct parser *p)
{
    struct ast_stmt *s = stmt_new(p, SQL_MERGE);
    struct ast_when **tail = &s->whens;
    struct ast_from *source;

    parse_advance(p);
    parse_eat(p, "INTO");
    s->target = parse_table_path(p);
    s->alias = parse_alias(p);
    parse_expect(p, "USING");
    source = ARENA_NEW(p->mem, struct ast_from);
    source->at = p->tok.at;
    if (parse_eat(p, "(")) {
        source->kind = FROM_QUERY;
        source->query = parse_query(p);
        parse_expect(p, ")");
    } else if (parse_is(p, "UNNEST")) {
        source = parse_from(p);
    } else {
        source->kind = FROM_TABLE;
        source->path = parse_table_path(p);
    }
    if (!source->alias.len)
        source->alias = parse_alias(p);
    s->from = source;
    parse_expect(p, "ON");
    s->where = parse_expr(p);
    do {
        *tail = merge_when(p);
        tail = &(*tail)->next;
    } while (parse_is(p, "WHEN"));
    return s;
}

struct ast_stmt *parse_dml(struct parser *p)
{
    struct ast_stmt *s;

    if (parse_is(p, "INSERT"))
        return insert(p);
    if (parse_is(p, "UPDATE"))
        return update(p);
    if (parse_is(p, "DELETE"))
        return delete (p);
    if (parse_is(p, "MERGE"))
        return merge(p);
    s = stmt_new(p, SQL_TRUNCATE);
    parse_advance(p);
    parse_expect(p, "TABLE");
    s->target = parse_table_path(p);
    return s;
}
