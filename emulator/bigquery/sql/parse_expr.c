/* SPDX-License-Identifier: Apache-2.0 */
/* Operators by precedence (Operators, "Operator precedence") and what may
 * follow an operand: fields, subscripts, calls. */
#include "emulator/bigquery/sql/parse.h"

enum power {
    POWER_OR = 1,
    POWER_AND,
    POWER_NOT,
    POWER_COMPARE,
    POWER_BIT_OR,
    POWER_BIT_XOR,
    POWER_BIT_AND,
    POWER_SHIFT,
    POWER_ADD,
    POWER_MULTIPLY,
    POWER_UNARY
};

static const struct {
    const char *op;
    enum power power;
} binaries[] = {
    {"OR", POWER_OR},      {"AND", POWER_AND},    {"=", POWER_COMPARE},
    {"!=", POWER_COMPARE}, {"<>", POWER_COMPARE}, {"<", POWER_COMPARE},
    {"<=", POWER_COMPARE}, {">", POWER_COMPARE},  {">=", POWER_COMPARE},
    {"|", POWER_BIT_OR},   {"^", POWER_BIT_XOR},  {"&", POWER_BIT_AND},
    {"<<", POWER_SHIFT},   {"+", POWER_ADD},      {"-", POWER_ADD},
    {"*", POWER_MULTIPLY}, {"/", POWER_MULTIPLY}, {"||", POWER_MULTIPLY},
};

struct ast_expr *parse_new(struct parser *p, enum expr_kind kind, size_t at)
{
    struct ast_expr *e = ARENA_NEW(p->mem, struct ast_expr);

    e->kind = kind;
    e->at = at;
    return e;
}

static struct ast_expr *climb(struct parser *p, int min);

static bool at_shift_right(const struct parser *p)
{
    return parse_is(p, ">") && p->lx.at < p->lx.text.len &&
           p->lx.text.p[p->lx.at] == '>';
}

/* NOT may stand before BETWEEN, IN and LIKE as part of the operator. */
static const char *predicate(const struct parser *p, bool *negated)
{
    static const char *const words[] = {"BETWEEN", "IN", "LIKE"};

    *negated = parse_is(p, "NOT");
    for (size_t i = 0; i < 3; i++) {
        if (*negated ? parse_peek_is(p, words[i]) : parse_is(p, words[i]))
            return words[i];
    }
    return parse_is(p, "IS") ? "IS" : NULL;
}

static void in_list(struct parser *p, struct ast_expr *e)
{
    if (parse_is(p, "UNNEST")) {
        parse_advance(p);
        parse_expect(p, "(");
        e->b = parse_expr(p);
        parse_expect(p, ")");
        return;
    }
    parse_expect(p, "(");
    if (parse_at_query(p)) {
        e->query = parse_query(p);
    } else {
        e->list = parse_expr_list(p);
        if (e->list->kind == EX_SUBQUERY && !e->list->next &&
            parse_at_query_rest(p)) {
            e->query = parse_query_rest(p, e->list->query);
            e->list = NULL;
        }
    }
    parse_expect(p, ")");
}

static struct ast_expr *parse_is_predicate(struct parser *p,
                                           struct ast_expr *left, size_t at)
{
    static const char *const words[] = {"NULL", "TRUE", "FALSE"};
    struct ast_expr *e = parse_new(p, EX_IS, at);

    e->a = left;
    e->flag = parse_eat(p, "NOT");
    if (parse_eat(p, "DISTINCT")) {
        parse_expect(p, "FROM");
        e->kind = EX_IS_DISTINCT;
        e->b = parse_operand(p);
        return e;
    }
    for (size_t i = 0; i < 3; i++) {
        if (parse_eat(p, words[i])) {
            e->op = words[i];
            return e;
        }
    }
    parse_unexpected(p);
}

static void like_tail(struct parser *p, struct ast_expr *e)
{
    static const char *const words[] = {"ANY", "SOME", "ALL"};

    for (size_t i = 0; i < 3; i++) {
        if (parse_eat(p, words[i])) {
            e->op = words[i];
            in_list(p, e);
            return;
        }
    }
    e->b = parse_operand(p);
}

static struct ast_expr *parse_predicate(struct parser *p, struct ast_expr *left,
                                        const char *word, bool negated)
{
    size_t at = p->tok.at;
    struct ast_expr *e;

    if (negated)
        parse_advance(p);
    parse_advance(p);
    if (word[1] == 'S')
        return parse_is_predicate(p, left, at);
    e = parse_new(p,
                  word[0] == 'B'   ? EX_BETWEEN
                  : word[0] == 'I' ? EX_IN
                                   : EX_LIKE,
                  at);
    e->a = left;
    e->flag = negated;
    if (e->kind == EX_BETWEEN) {
        e->b = parse_operand(p);
        parse_expect(p, "AND");
        e->c = parse_operand(p);
    } else if (e->kind == EX_IN) {
        in_list(p, e);
    } else {
        like_tail(p, e);
    }
    return e;
}

/* AND and OR take any number of operands, so that long chains stay flat. */
static struct ast_expr *binary(struct parser *p, struct ast_expr *left,
                               const char *op, struct ast_expr *right,
                               size_t at)
{
    struct ast_expr *e, **tail;

    if (op[0] == 'A' || op[0] == 'O') {
        if (left->kind == EX_BINARY && left->op == op && !left->paren) {
            e = left;
            left->c->next = right; /* c: the last operand */
            left->c = right;
            return e;
        }
        e = parse_new(p, EX_BINARY, at);
        tail = &e->list;
        *tail = left;
        left->next = right;
        e->c = right;
    } else {
        e = parse_new(p, EX_BINARY, at);
        e->a = left;
        e->b = right;
        e->n = left->kind == EX_BINARY ? left->n + 1 : 1;
        if (e->n > 1000)
            parse_fail(p, at,
                       "Query is too complex: a chain of more than "
                       "1000 operators");
    }
    e->op = op;
    return e;
}

static struct ast_expr *prefix(struct parser *p)
{
    size_t at = p->tok.at;
    struct ast_expr *e;
    const char *op = parse_is(p, "-")   ? "-"
                     : parse_is(p, "+") ? "+"
                     : parse_is(p, "~") ? "~"
                                        : NULL;

    if (parse_is(p, "NOT")) {
        parse_advance(p);
        e = parse_new(p, EX_UNARY, at);
        e->op = "NOT";
        e->a = climb(p, POWER_NOT);
        return e;
    }
    if (!op)
        return parse_postfix(p);
    parse_advance(p);
    parse_enter(p);
    e = parse_new(p, EX_UNARY, at);
    e->op = op;
    e->a = prefix(p);
    parse_leave(p);
    return e;
}

/* BigQuery places errors of BETWEEN and IN at that word, of other operators at
 * their left operand. */
static struct ast_expr *climb(struct parser *p, int min)
{
    struct ast_expr *left;
    bool negated, compared = false;
    size_t start = p->tok.at;

    parse_enter(p);
    left = prefix(p);
    for (;;) {
        const char *word = predicate(p, &negated), *op = NULL;
        enum power power = POWER_COMPARE;

        if (!word && at_shift_right(p)) {
            op = ">>";
            power = POWER_SHIFT;
        }
        for (size_t i = 0;
             !word && !op && i < sizeof(binaries) / sizeof(*binaries); i++) {
            if (parse_is(p, binaries[i].op)) {
                op = binaries[i].op;
                power = binaries[i].power;
            }
        }
        if ((!word && !op) || (int)power < min)
            break;
        if (power == POWER_COMPARE && compared)
            parse_unexpected(p);
        compared = power == POWER_COMPARE;
        if (word) {
            left = parse_predicate(p, left, word, negated);
            if (left->kind == EX_LIKE)
                left->at = start;
            continue;
        }
        parse_advance(p);
        if (op[0] == '>' && op[1] == '>')
            parse_advance(p);
        left = binary(p, left, op, climb(p, power + 1), start);
    }
    parse_leave(p);
    left->end = p->prev_end;
    return left;
}

struct ast_expr *parse_expr(struct parser *p)
{
    return climb(p, POWER_OR);
}

struct ast_expr *parse_operand(struct parser *p)
{
    return climb(p, POWER_COMPARE + 1);
}

struct ast_expr *parse_expr_list(struct parser *p)
{
    struct ast_expr *first = NULL, **tail = &first;

    do {
        *tail = parse_expr(p);
        tail = &(*tail)->next;
    } while (parse_eat(p, ","));
    return first;
}

static struct ast_expr *subscript(struct parser *p, struct ast_expr *left)
{
    static const char *const words[] = {"OFFSET", "ORDINAL", "SAFE_OFFSET",
                                        "SAFE_ORDINAL"};
    struct ast_expr *e = parse_new(p, EX_INDEX, p->tok.at);

    parse_advance(p);
    e->a = left;
    for (size_t i = 0; i < 4; i++) {
        if (parse_is(p, words[i]) && parse_peek_is(p, "(")) {
            e->op = words[i];
            parse_advance(p);
            parse_advance(p);
            break;
        }
    }
    e->b = parse_expr(p);
    if (e->op)
        parse_expect(p, ")");
    parse_expect(p, "]");
    return e;
}

struct ast_expr *parse_postfix(struct parser *p)
{
    struct ast_expr *e = parse_primary(p), *dot;

    for (int n = 0;; n++) {
        if (n > 500)
            parse_fail(p, p->tok.at, "Query is too complex");
        if (parse_is(p, "[")) {
            e = subscript(p, e);
        } else if (parse_is(p, "(") &&
                   (e->kind == EX_NAME || e->kind == EX_DOT) && !e->paren) {
            e = parse_call(p, e);
        } else if (parse_is(p, ".") && !parse_peek_is(p, "*")) {
            dot = parse_new(p, EX_DOT, e->at);
            parse_advance(p);
            if (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_QUOTED)
                parse_unexpected(p);
            dot->a = e;
            dot->n = (int)p->tok.at;
            dot->text = p->tok.value;
            parse_advance(p);
            e = dot;
        } else {
            return e;
        }
    }
}
