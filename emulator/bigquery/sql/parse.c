/* SPDX-License-Identifier: Apache-2.0 */
/* What all of the parser's files use, and the entry points. */
#include "emulator/bigquery/sql/parse.h"

#include <stdio.h>

#include "emulator/bigquery/sql/paths.h"

static void set_error(struct parser *p, const char *reason, size_t at,
                      const char *text)
{
    struct sql_error *e = p->err;

    e->reason = reason;
    lex_position(p->lx.text, at, &e->line, &e->column);
    snprintf(e->text, sizeof(e->text), "%s at [%u:%u]", text, e->line,
             e->column);
}

_Noreturn void parse_fail(struct parser *p, size_t at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_error(p, "invalidQuery", at, arena_vprintf(p->mem, fmt, ap));
    va_end(ap);
    longjmp(*p->on_error, 1);
}

_Noreturn void parse_refuse(struct parser *p, size_t at, const char *what)
{
    set_error(
        p, "notImplemented", at,
        arena_printf(p->mem, "%s is not supported by this emulator", what));
    longjmp(*p->on_error, 1);
}

static const char *upper(struct arena *mem, struct str s)
{
    char *out = arena_strndup(mem, s.p, s.len);

    for (size_t i = 0; i < s.len; i++) {
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 32);
    }
    return out;
}

static const char *describe(struct parser *p)
{
    const struct token *t = &p->tok;
    struct str s = t->text;

    switch (t->kind) {
    case TOKEN_END:
        return "end of script";
    case TOKEN_WORD:
        if (t->reserved)
            return arena_cat(p->mem, "keyword ", upper(p->mem, s), NULL);
        return arena_printf(p->mem, "identifier \"%.*s\"", STR_ARG(s));
    case TOKEN_QUOTED:
        return arena_printf(p->mem, "identifier %.*s", STR_ARG(s));
    case TOKEN_INT:
        return arena_printf(p->mem, "integer literal \"%.*s\"", STR_ARG(s));
    case TOKEN_FLOAT:
        return arena_printf(p->mem, "floating point literal \"%.*s\"",
                            STR_ARG(s));
    case TOKEN_STRING:
        return arena_printf(p->mem, "string literal %.*s", STR_ARG(s));
    case TOKEN_BYTES:
        return arena_printf(p->mem, "bytes literal %.*s", STR_ARG(s));
    case TOKEN_PARAM:
    case TOKEN_SYSVAR:
        return t->kind == TOKEN_PARAM ? "\"@\"" : "\"@@\"";
    default:
        return arena_printf(p->mem, "\"%.*s\"", STR_ARG(s));
    }
}

_Noreturn void parse_unexpected(struct parser *p)
{
    parse_fail(p, p->tok.at, "Syntax error: Unexpected %s", describe(p));
}

_Noreturn void parse_expected(struct parser *p, const char *what)
{
    parse_fail(p, p->tok.at, "Syntax error: Expected %s but got %s", what,
               describe(p));
}

void parse_advance(struct parser *p)
{
    p->prev_end = p->lx.at;
    lex_next(&p->lx, &p->tok);
    if (p->tok.kind == TOKEN_ERROR) {
        const char *why = p->lx.error;
        parse_fail(p, p->lx.error_at, "%s%s",
                   strncmp(why, "Syntax error", 12) ? "Syntax error: " : "",
                   why);
    }
}

bool parse_is(const struct parser *p, const char *word)
{
    return token_is(&p->tok, word);
}

bool parse_peek_is(const struct parser *p, const char *word)
{
    struct lexer ahead = p->lx;
    struct token t;

    lex_next(&ahead, &t);
    return token_is(&t, word);
}

bool parse_eat(struct parser *p, const char *word)
{
    if (!parse_is(p, word))
        return false;
    parse_advance(p);
    return true;
}

void parse_expect(struct parser *p, const char *word)
{
    bool is_word = (word[0] | 0x20) >= 'a' && (word[0] | 0x20) <= 'z';

    if (parse_eat(p, word))
        return;
    parse_expected(p, is_word ? arena_cat(p->mem, "keyword ", word, NULL)
                              : arena_cat(p->mem, "\"", word, "\"", NULL));
}

bool parse_at_name(const struct parser *p)
{
    return p->tok.kind == TOKEN_QUOTED ||
           (p->tok.kind == TOKEN_WORD && !p->tok.reserved);
}

struct str parse_name(struct parser *p)
{
    struct str name = p->tok.value;

    if (!parse_at_name(p))
        parse_unexpected(p);
    parse_advance(p);
    return name;
}

struct str parse_alias(struct parser *p)
{
    if (parse_eat(p, "AS"))
        return parse_name(p);
    return parse_at_name(p) ? parse_name(p) : STR_NULL;
}

void parse_enter(struct parser *p)
{
    if (++p->depth > PARSE_DEPTH_MAX)
        parse_fail(p, p->tok.at,
                   "Query is too complex: nested deeper than %d levels",
                   PARSE_DEPTH_MAX);
}

void parse_leave(struct parser *p)
{
    p->depth--;
}

struct ast_name *parse_name_list(struct parser *p)
{
    struct ast_name *first = NULL, **tail = &first;

    parse_expect(p, "(");
    do {
        struct ast_name *n = ARENA_NEW(p->mem, struct ast_name);
        n->at = p->tok.at;
        n->text = parse_name(p);
        *tail = n;
        tail = &n->next;
    } while (parse_eat(p, ","));
    parse_expect(p, ")");
    return first;
}

static void add_part(struct parser *p, struct ast_path *path, struct str s)
{
    if (path->n == 8 || s.len == 0)
        parse_unexpected(p);
    path->part[path->n++] = s;
}

/* Backticks may hold the whole path: `p.d.t`. */
static void add_quoted(struct parser *p, struct ast_path *path, struct str s)
{
    while (s.p)
        add_part(p, path, str_cut(&s, '.'));
}

static bool is_part(char c, bool dashes)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80 ||
           (dashes && c == '-');
}

/* Unquoted parts are read from the text itself: the first may hold dashes
 * (projects do), later ones may begin with digits. */
static struct str raw_part(struct parser *p, size_t from, bool dashes)
{
    size_t to = from;

    while (to < p->lx.text.len && is_part(p->lx.text.p[to], dashes))
        to++;
    if (dashes && (to >= p->lx.text.len || p->lx.text.p[to] != '.'))
        return raw_part(p, from, false);
    while (dashes && to > from && p->lx.text.p[to - 1] == '-')
        to--;
    p->lx.at = to;
    return str_of(p->lx.text.p + from, to - from);
}

struct ast_path parse_table_path(struct parser *p)
{
    struct ast_path path = {.at = p->tok.at};

    if (!parse_at_name(p) &&
        !(p->tok.kind == TOKEN_WORD && p->lx.at < p->lx.text.len &&
          p->lx.text.p[p->lx.at] == '-'))
        parse_unexpected(p);
    if (p->tok.kind == TOKEN_QUOTED)
        add_quoted(p, &path, p->tok.value);
    else
        add_part(p, &path, raw_part(p, p->tok.at, true));
    parse_advance(p);
    while (parse_is(p, ".") ||
           (p->tok.kind == TOKEN_FLOAT && p->tok.text.p[0] == '.')) {
        size_t at = p->tok.at + 1;
        if (at < p->lx.text.len && p->lx.text.p[at] == '`') {
            p->lx.at = at;
            parse_advance(p);
            add_quoted(p, &path, p->tok.value);
        } else {
            struct str part = raw_part(p, at, false);
            if (part.len == 0) {
                p->lx.at = at;
                parse_advance(p);
                if (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_QUOTED)
                    parse_unexpected(p);
                part = p->tok.value;
            }
            add_part(p, &path, part);
        }
        parse_advance(p);
    }
    if (p->on_path)
        p->on_path(p->on_path_arg, path.part, path.n);
    return path;
}

static void parser_init(struct parser *p, struct arena *mem, struct str text,
                        struct sql_error *err, jmp_buf *on_error)
{
    *p = (struct parser){.mem = mem, .err = err, .on_error = on_error};
    lex_init(&p->lx, mem, text);
}

static void expect_end(struct parser *p)
{
    if (p->tok.kind != TOKEN_END)
        parse_expected(p, "end of input");
}

/* Statements that exist in GoogleSQL but not here; the text names them. */
static const char *const refused[] = {
    "DECLARE", "BEGIN",  "COMMIT",  "ROLLBACK", "LOOP",   "WHILE", "REPEAT",
    "FOR",     "CALL",   "EXECUTE", "ASSERT",   "EXPORT", "LOAD",  "GRANT",
    "REVOKE",  "IF",     "SET",     "RAISE",    "RETURN", "BREAK", "CONTINUE",
    "UNDROP",  "DEFINE", "EXPLAIN", "DESCRIBE", "SHOW"};

static struct ast_stmt *statement(struct parser *p)
{
    struct ast_stmt *s;

    if (p->tok.kind == TOKEN_END)
        parse_unexpected(p);
    if (parse_is(p, "(") || parse_at_query(p)) {
        s = ARENA_NEW(p->mem, struct ast_stmt);
        s->kind = SQL_SELECT;
        s->at = p->tok.at;
        s->query = parse_query(p);
        return s;
    }
    if (parse_is(p, "INSERT") || parse_is(p, "UPDATE") ||
        parse_is(p, "DELETE") || parse_is(p, "MERGE") ||
        parse_is(p, "TRUNCATE"))
        return parse_dml(p);
    if (parse_is(p, "CREATE") || parse_is(p, "DROP") || parse_is(p, "ALTER"))
        return parse_ddl(p);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (parse_is(p, refused[i]))
            parse_refuse(p, p->tok.at,
                         arena_printf(p->mem, "Statement %s", refused[i]));
    }
    parse_unexpected(p);
}

static struct ast_stmt *whole_statement(struct parser *p)
{
    struct ast_stmt *s;

    parse_advance(p);
    while (parse_eat(p, ";"))
        ;
    s = statement(p);
    if (parse_eat(p, ";")) {
        while (parse_eat(p, ";"))
            ;
        if (p->tok.kind != TOKEN_END)
            parse_refuse(p, p->tok.at, "A script of several statements");
    }
    expect_end(p);
    return s;
}

struct ast_stmt *parse_statement(struct arena *mem, struct str text,
                                 struct sql_error *err)
{
    struct parser p;
    jmp_buf on_error;

    parser_init(&p, mem, text, err, &on_error);
    if (setjmp(on_error))
        return NULL;
    return whole_statement(&p);
}

static void as_far_as_it_goes(struct parser *p, jmp_buf *on_error)
{
    if (!setjmp(*on_error))
        (void)whole_statement(p);
}

void sql_paths(struct str text,
               void (*visit)(void *arg, const struct str *part, size_t n),
               void *arg)
{
    struct sql_error ignored;
    struct arena mem;
    struct parser p;
    jmp_buf on_error;

    if (text.len > SQL_TEXT_MAX)
        return;
    arena_init(&mem);
    parser_init(&p, &mem, text, &ignored, &on_error);
    p.on_path = visit;
    p.on_path_arg = arg;
    as_far_as_it_goes(&p, &on_error);
    arena_fini(&mem);
}

struct ast_expr *parse_expression(struct arena *mem, struct str text,
                                  struct sql_error *err)
{
    struct ast_expr *volatile e = NULL;
    struct parser p;
    jmp_buf on_error;

    parser_init(&p, mem, text, err, &on_error);
    if (setjmp(on_error))
        return NULL;
    parse_advance(&p);
    e = parse_expr(&p);
    expect_end(&p);
    return e;
}
