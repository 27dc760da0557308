/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, DROP, ALTER of tables, views and schemas (Data definition
 * language). Everything else that these verbs make is refused by name. */
#include "emulator/bigquery/sql/parse.h"

struct ast_option *parse_options(struct parser *p)
{
    struct ast_option *first = NULL, **tail = &first;

    parse_expect(p, "(");
    while (!parse_is(p, ")")) {
        struct ast_option *o = ARENA_NEW(p->mem, struct ast_option);
        o->at = p->tok.at;
        o->name = parse_name(p);
        parse_expect(p, "=");
        o->value = parse_expr(p);
        *tail = o;
        tail = &o->next;
        if (!parse_eat(p, ","))
            break;
    }
    parse_expect(p, ")");
    return first;
}

static bool if_exists(struct parser *p, bool negated)
{
    if (!parse_is(p, "IF"))
        return false;
    parse_advance(p);
    if (negated)
        parse_expect(p, "NOT");
    parse_expect(p, "EXISTS");
    return true;
}

static struct str text_between(struct parser *p, size_t from, size_t to)
{
    return arena_str(p->mem, str_of(p->lx.text.p + from, to - from));
}

/* PRIMARY KEY and FOREIGN KEY are not enforced by BigQuery: read and let go. */
static void not_enforced(struct parser *p)
{
    parse_expect(p, "NOT");
    if (!parse_eat(p, "ENFORCED"))
        parse_expected(p, "keyword ENFORCED");
}

static void column_key(struct parser *p)
{
    if (parse_eat(p, "PRIMARY")) {
        parse_expect(p, "KEY");
    } else {
        parse_advance(p);
        parse_table_path(p);
        parse_name_list(p);
    }
    not_enforced(p);
}

static struct ast_coldef *column_def(struct parser *p)
{
    struct ast_coldef *d = ARENA_NEW(p->mem, struct ast_coldef);

    d->at = p->tok.at;
    d->name = parse_name(p);
    d->type = parse_type(p);
    for (;;) {
        if (parse_is(p, "NOT") && parse_peek_is(p, "NULL")) {
            parse_advance(p);
            parse_advance(p);
            d->not_null = true;
        } else if (parse_is(p, "DEFAULT")) {
            size_t from;
            parse_advance(p);
            from = p->tok.at;
            d->default_value = parse_expr(p);
            d->default_text = text_between(p, from, p->prev_end);
        } else if (parse_eat(p, "OPTIONS")) {
            d->options = parse_options(p);
        } else if (parse_is(p, "COLLATE")) {
            parse_refuse(p, p->tok.at, "COLLATE");
        } else if (parse_is(p, "PRIMARY") || parse_is(p, "REFERENCES")) {
            column_key(p);
        } else {
            return d;
        }
    }
}

static bool constraint(struct parser *p)
{
    if (parse_is(p, "CONSTRAINT")) {
        parse_advance(p);
        parse_name(p);
    } else if (!(parse_is(p, "PRIMARY") && parse_peek_is(p, "KEY")) &&
               !(parse_is(p, "FOREIGN") && parse_peek_is(p, "KEY"))) {
        return false;
    }
    if (parse_eat(p, "FOREIGN")) {
        parse_expect(p, "KEY");
        parse_name_list(p);
        if (!parse_eat(p, "REFERENCES"))
            parse_unexpected(p);
        parse_table_path(p);
        parse_name_list(p);
    } else {
        parse_expect(p, "PRIMARY");
        parse_expect(p, "KEY");
        parse_name_list(p);
    }
    not_enforced(p);
    return true;
}

static struct ast_coldef *column_defs(struct parser *p)
{
    struct ast_coldef *first = NULL, **tail = &first;

    parse_expect(p, "(");
    while (!parse_is(p, ")")) {
        if (!constraint(p)) {
            *tail = column_def(p);
            tail = &(*tail)->next;
        }
        if (!parse_eat(p, ","))
            break;
    }
    parse_expect(p, ")");
    return first;
}

static void query_text(struct parser *p, struct ast_stmt *s)
{
    size_t from = p->tok.at;

    s->query = parse_query(p);
    s->query_text = text_between(p, from, p->prev_end);
}

static void create_table(struct parser *p, struct ast_stmt *s)
{
    s->kind = SQL_CREATE_TABLE;
    s->if_exists = if_exists(p, true);
    s->target = parse_table_path(p);
    if (parse_is(p, "CLONE"))
        parse_refuse(p, p->tok.at, "CREATE TABLE CLONE");
    if (parse_is(p, "LIKE") || parse_is(p, "COPY")) {
        s->is_copy = parse_is(p, "COPY");
        parse_advance(p);
        s->like = parse_table_path(p);
        if (s->is_copy)
            s->kind = SQL_CREATE_TABLE_AS;
    }
    if (parse_is(p, "("))
        s->defs = column_defs(p);
    if (parse_is(p, "DEFAULT"))
        parse_refuse(p, p->tok.at, "COLLATE");
    if (parse_eat(p, "PARTITION")) {
        parse_expect(p, "BY");
        s->partition = parse_expr(p);
    }
    if (parse_eat(p, "CLUSTER")) {
        struct ast_name **tail = &s->cluster;
        parse_expect(p, "BY");
        do {
            *tail = ARENA_NEW(p->mem, struct ast_name);
            (*tail)->at = p->tok.at;
            (*tail)->text = parse_name(p);
            tail = &(*tail)->next;
        } while (parse_eat(p, ","));
    }
    if (parse_eat(p, "OPTIONS"))
        s->options = parse_options(p);
    if (parse_eat(p, "AS")) {
        s->kind = SQL_CREATE_TABLE_AS;
        query_text(p, s);
    }
}

static void create_view(struct parser *p, struct ast_stmt *s)
{
    s->kind = SQL_CREATE_VIEW;
    s->if_exists = if_exists(p, true);
    s->target = parse_table_path(p);
    if (parse_eat(p, "(")) {
        struct ast_name **tail = &s->columns;
        do {
            *tail = ARENA_NEW(p->mem, struct ast_name);
            (*tail)->at = p->tok.at;
            (*tail)->text = parse_name(p);
            if (parse_eat(p, "OPTIONS"))
                (*tail)->options = parse_options(p);
            tail = &(*tail)->next;
        } while (parse_eat(p, ","));
        parse_expect(p, ")");
    }
    if (parse_eat(p, "OPTIONS"))
        s->options = parse_options(p);
    parse_expect(p, "AS");
    query_text(p, s);
}

static void create_schema(struct parser *p, struct ast_stmt *s)
{
    s->kind = SQL_CREATE_SCHEMA;
    s->if_exists = if_exists(p, true);
    s->target = parse_table_path(p);
    if (parse_is(p, "DEFAULT"))
        parse_refuse(p, p->tok.at, "COLLATE");
    if (parse_eat(p, "OPTIONS"))
        s->options = parse_options(p);
}

static _Noreturn void refuse(struct parser *p, const char *verb)
{
    parse_refuse(p, p->tok.at,
                 arena_printf(p->mem, "%s %.*s", verb, STR_ARG(p->tok.text)));
}

static void drop(struct parser *p, struct ast_stmt *s)
{
    if (parse_eat(p, "TABLE"))
        s->kind = SQL_DROP_TABLE;
    else if (parse_eat(p, "VIEW"))
        s->kind = SQL_DROP_VIEW;
    else if (parse_eat(p, "SCHEMA"))
        s->kind = SQL_DROP_SCHEMA;
    else
        refuse(p, "DROP");
    s->if_exists = if_exists(p, false);
    s->target = parse_table_path(p);
    if (s->kind == SQL_DROP_SCHEMA) {
        s->cascade = parse_eat(p, "CASCADE");
        parse_eat(p, "RESTRICT");
    }
}

static void alter_column(struct parser *p, struct ast_alter *a)
{
    parse_eat(p, "COLUMN");
    a->if_exists = if_exists(p, false);
    a->column = parse_name(p);
    if (parse_eat(p, "DROP")) {
        if (parse_eat(p, "DEFAULT")) {
            a->what = "DROP_DEFAULT";
            return;
        }
        parse_expect(p, "NOT");
        parse_expect(p, "NULL");
        a->what = "DROP_NOT_NULL";
        return;
    }
    parse_expect(p, "SET");
    if (parse_eat(p, "OPTIONS")) {
        a->what = "COLUMN_OPTIONS";
        a->options = parse_options(p);
    } else if (parse_eat(p, "DEFAULT")) {
        size_t from = p->tok.at;
        a->what = "SET_DEFAULT";
        a->value = parse_expr(p);
        a->value_text = text_between(p, from, p->prev_end);
    } else {
        if (!parse_eat(p, "DATA"))
            parse_unexpected(p);
        if (!parse_eat(p, "TYPE"))
            parse_unexpected(p);
        a->what = "SET_TYPE";
        a->type = parse_type(p);
    }
}

static struct ast_alter *alter_action(struct parser *p)
{
    struct ast_alter *a = ARENA_NEW(p->mem, struct ast_alter);

    a->at = p->tok.at;
    if (parse_eat(p, "ADD")) {
        if (!parse_eat(p, "COLUMN"))
            refuse(p, "ALTER TABLE ADD");
        a->what = "ADD";
        a->if_exists = if_exists(p, true);
        a->def = column_def(p);
    } else if (parse_eat(p, "DROP")) {
        if (!parse_eat(p, "COLUMN"))
            refuse(p, "ALTER TABLE DROP");
        a->what = "DROP";
        a->if_exists = if_exists(p, false);
        a->column = parse_name(p);
    } else if (parse_eat(p, "RENAME")) {
        if (parse_eat(p, "TO")) {
            a->what = "RENAME_TO";
            a->new_name = parse_name(p);
            return a;
        }
        if (!parse_eat(p, "COLUMN"))
            parse_unexpected(p);
        a->what = "RENAME";
        a->if_exists = if_exists(p, false);
        a->column = parse_name(p);
        parse_expect(p, "TO");
        a->new_name = parse_name(p);
    } else if (parse_eat(p, "SET")) {
        a->what = "OPTIONS";
        if (!parse_eat(p, "OPTIONS"))
            refuse(p, "ALTER SET");
        a->options = parse_options(p);
    } else if (parse_eat(p, "ALTER")) {
        alter_column(p, a);
    } else {
        parse_unexpected(p);
    }
    return a;
}

static void alter(struct parser *p, struct ast_stmt *s)
{
    struct ast_alter **tail = &s->alters;

    if (parse_eat(p, "TABLE"))
        s->kind = SQL_ALTER_TABLE;
    else if (parse_eat(p, "VIEW"))
        s->kind = SQL_ALTER_VIEW;
    else if (parse_eat(p, "SCHEMA"))
        s->kind = SQL_ALTER_SCHEMA;
    else
        refuse(p, "ALTER");
    s->if_exists = if_exists(p, false);
    s->target = parse_table_path(p);
    do {
        *tail = alter_action(p);
        tail = &(*tail)->next;
    } while (parse_eat(p, ","));
}

struct ast_stmt *parse_ddl(struct parser *p)
{
    struct ast_stmt *s = ARENA_NEW(p->mem, struct ast_stmt);

    s->at = p->tok.at;
    if (parse_eat(p, "DROP")) {
        drop(p, s);
        return s;
    }
    if (parse_eat(p, "ALTER")) {
        alter(p, s);
        return s;
    }
    parse_advance(p);
    if (parse_eat(p, "OR")) {
        if (!parse_eat(p, "REPLACE"))
            parse_unexpected(p);
        s->or_replace = true;
    }
    if (parse_eat(p, "TABLE")) {
        if (parse_is(p, "FUNCTION"))
            refuse(p, "CREATE TABLE");
        create_table(p, s);
    } else if (parse_eat(p, "VIEW")) {
        create_view(p, s);
    } else if (parse_eat(p, "SCHEMA")) {
        create_schema(p, s);
    } else {
        refuse(p, "CREATE");
    }
    return s;
}
