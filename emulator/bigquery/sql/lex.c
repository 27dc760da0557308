/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/lex.h"

#include "emulator/bigquery/sql/lex_string.h"

/* Reserved keywords (Lexical structure, "Reserved keywords"), sorted. */
static const char *const reserved[] = {"ALL",
                                       "AND",
                                       "ANY",
                                       "ARRAY",
                                       "AS",
                                       "ASC",
                                       "ASSERT_ROWS_MODIFIED",
                                       "AT",
                                       "BETWEEN",
                                       "BY",
                                       "CASE",
                                       "CAST",
                                       "COLLATE",
                                       "CONTAINS",
                                       "CREATE",
                                       "CROSS",
                                       "CUBE",
                                       "CURRENT",
                                       "DEFAULT",
                                       "DEFINE",
                                       "DESC",
                                       "DISTINCT",
                                       "ELSE",
                                       "END",
                                       "ENUM",
                                       "ESCAPE",
                                       "EXCEPT",
                                       "EXCLUDE",
                                       "EXISTS",
                                       "EXTRACT",
                                       "FALSE",
                                       "FETCH",
                                       "FOLLOWING",
                                       "FOR",
                                       "FROM",
                                       "FULL",
                                       "GROUP",
                                       "GROUPING",
                                       "GROUPS",
                                       "HASH",
                                       "HAVING",
                                       "IF",
                                       "IGNORE",
                                       "IN",
                                       "INNER",
                                       "INTERSECT",
                                       "INTERVAL",
                                       "INTO",
                                       "IS",
                                       "JOIN",
                                       "LATERAL",
                                       "LEFT",
                                       "LIKE",
                                       "LIMIT",
                                       "LOOKUP",
                                       "MERGE",
                                       "NATURAL",
                                       "NEW",
                                       "NO",
                                       "NOT",
                                       "NULL",
                                       "NULLS",
                                       "OF",
                                       "ON",
                                       "OR",
                                       "ORDER",
                                       "OUTER",
                                       "OVER",
                                       "PARTITION",
                                       "PRECEDING",
                                       "PROTO",
                                       "QUALIFY",
                                       "RANGE",
                                       "RECURSIVE",
                                       "RESPECT",
                                       "RIGHT",
                                       "ROLLUP",
                                       "ROWS",
                                       "SELECT",
                                       "SET",
                                       "SOME",
                                       "STRUCT",
                                       "TABLESAMPLE",
                                       "THEN",
                                       "TO",
                                       "TREAT",
                                       "TRUE",
                                       "UNBOUNDED",
                                       "UNION",
                                       "UNNEST",
                                       "USING",
                                       "WHEN",
                                       "WHERE",
                                       "WINDOW",
                                       "WITH",
                                       "WITHIN"};

bool lex_is_reserved(struct str word)
{
    size_t low = 0, high = sizeof(reserved) / sizeof(*reserved);
    char upper[24];

    if (word.len >= sizeof(upper))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.p[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = str_cmp(str_of(upper, word.len), str_from(reserved[mid]));
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

void lex_init(struct lexer *lx, struct arena *mem, struct str text)
{
    *lx = (struct lexer){.mem = mem, .text = text};
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct lexer *lx, size_t ahead)
{
    size_t at = lx->at + ahead;
    return at < lx->text.len ? lx->text.p[at] : '\0';
}

static bool ends_line(const struct lexer *lx)
{
    char c = peek(lx, 0);
    return c == '\n' || c == '\r' || lx->at >= lx->text.len;
}

/* False at a comment without an end. */
static bool skip_block(struct lexer *lx)
{
    size_t open = lx->at;

    for (lx->at += 2; lx->at + 1 < lx->text.len; lx->at++) {
        if (peek(lx, 0) == '*' && peek(lx, 1) == '/') {
            lx->at += 2;
            return true;
        }
    }
    lx->error = "Unclosed comment";
    lx->error_at = open;
    return false;
}

static bool skip_blanks(struct lexer *lx)
{
    while (lx->at < lx->text.len) {
        char c = peek(lx, 0);
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            lx->at++;
        } else if (c == '#' || (c == '-' && peek(lx, 1) == '-')) {
            while (!ends_line(lx))
                lx->at++;
        } else if (c == '/' && peek(lx, 1) == '*') {
            if (!skip_block(lx))
                return false;
        } else if (c == '\xc2' && peek(lx, 1) == '\xa0') {
            lx->at += 2; /* no-break space: pasted queries are full of it */
        } else {
            break;
        }
    }
    return true;
}

static int error_token(struct lexer *lx, struct token *out)
{
    out->kind = TOKEN_ERROR;
    lx->at = lx->text.len;
    return -1;
}

/* A literal's prefix (r, b, rb, br in any case) before a quote: its length,
 * or 0. */
static size_t prefix_len(const struct lexer *lx, enum quoted_flags *flags)
{
    size_t n = 0;

    *flags = 0;
    for (; n < 2; n++) {
        char c = (char)(peek(lx, n) | 0x20);
        if (c == 'r' && !(*flags & QUOTED_RAW))
            *flags |= QUOTED_RAW;
        else if (c == 'b' && !(*flags & QUOTED_BYTES))
            *flags |= QUOTED_BYTES;
        else
            break;
    }
    return peek(lx, n) == '\'' || peek(lx, n) == '"' ? n : 0;
}

static void quoted(struct lexer *lx, struct token *out, size_t prefix,
                   enum quoted_flags flags)
{
    char quote = peek(lx, prefix);

    if (lex_quoted(lx, lx->at + prefix, flags, &out->value)) {
        error_token(lx, out);
        return;
    }
    out->kind = quote == '`'           ? TOKEN_QUOTED
                : flags & QUOTED_BYTES ? TOKEN_BYTES
                                       : TOKEN_STRING;
}

static void number(struct lexer *lx, struct token *out)
{
    size_t start = lx->at;

    out->kind = TOKEN_INT;
    if (peek(lx, 0) == '0' && (peek(lx, 1) | 0x20) == 'x') {
        lx->at += 2;
        while (is_digit(peek(lx, 0)) ||
               ((peek(lx, 0) | 0x20) >= 'a' && (peek(lx, 0) | 0x20) <= 'f'))
            lx->at++;
    } else {
        while (is_digit(peek(lx, 0)))
            lx->at++;
        if (peek(lx, 0) == '.') {
            out->kind = TOKEN_FLOAT;
            lx->at++;
            while (is_digit(peek(lx, 0)))
                lx->at++;
        }
        if ((peek(lx, 0) | 0x20) == 'e') {
            size_t sign = peek(lx, 1) == '+' || peek(lx, 1) == '-';
            if (is_digit(peek(lx, 1 + sign))) {
                out->kind = TOKEN_FLOAT;
                lx->at += 1 + sign;
                while (is_digit(peek(lx, 0)))
                    lx->at++;
            }
        }
    }
    if (is_letter(peek(lx, 0))) {
        lx->error = "Syntax error: Missing whitespace between literal and "
                    "alias";
        lx->error_at = lx->at;
        error_token(lx, out);
        return;
    }
    out->value = str_of(lx->text.p + start, lx->at - start);
}

static void word(struct lexer *lx, struct token *out)
{
    size_t start = lx->at;

    while (is_letter(peek(lx, 0)) || is_digit(peek(lx, 0)))
        lx->at++;
    out->kind = TOKEN_WORD;
    out->value = str_of(lx->text.p + start, lx->at - start);
    out->reserved = lex_is_reserved(out->value);
}

static void parameter(struct lexer *lx, struct token *out)
{
    bool is_system = peek(lx, 1) == '@';
    size_t start;

    lx->at += is_system ? 2 : 1;
    start = lx->at;
    if (!is_system && peek(lx, 0) == '`') {
        quoted(lx, out, 0, 0);
        if (out->kind == TOKEN_QUOTED)
            out->kind = TOKEN_PARAM;
        return;
    }
    while (is_letter(peek(lx, 0)) || is_digit(peek(lx, 0)) ||
           (is_system && peek(lx, 0) == '.'))
        lx->at++;
    if (lx->at == start) {
        lx->error = "Syntax error: Unexpected \"@\"";
        lx->error_at = out->at;
        error_token(lx, out);
        return;
    }
    out->kind = is_system ? TOKEN_SYSVAR : TOKEN_PARAM;
    out->value = str_of(lx->text.p + start, lx->at - start);
}

static void punctuation(struct lexer *lx, struct token *out)
{
    static const char *const twos[] = {
        "<=", ">=", "<>", "!=", "||", "<<", "=>", "|>"};
    char c = peek(lx, 0);

    out->kind = TOKEN_OP;
    for (size_t i = 0; i < sizeof(twos) / sizeof(*twos); i++) {
        if (c == twos[i][0] && peek(lx, 1) == twos[i][1]) {
            lx->at += 2;
            return;
        }
    }
    if (c && strchr("+-*/%=<>()[]{},.;:?~&|^", c)) {
        lx->at++;
        return;
    }
    lx->error = (unsigned char)c < 0x80 && c > 32
                    ? arena_printf(lx->mem,
                                   "Syntax error: Illegal input character "
                                   "\"%c\"",
                                   c)
                    : arena_printf(lx->mem,
                                   "Syntax error: Illegal input character "
                                   "\"\\x%02x\"",
                                   (unsigned char)c);
    lx->error_at = lx->at;
    error_token(lx, out);
}

void lex_next(struct lexer *lx, struct token *out)
{
    enum quoted_flags flags;
    size_t prefix;
    char c;

    *out = (struct token){.kind = TOKEN_END};
    if (!skip_blanks(lx)) {
        error_token(lx, out);
        return;
    }
    out->at = lx->at;
    if (lx->at >= lx->text.len)
        return;
    c = peek(lx, 0);
    prefix = prefix_len(lx, &flags);
    if (prefix || c == '\'' || c == '"')
        quoted(lx, out, prefix, flags);
    else if (c == '`')
        quoted(lx, out, 0, 0);
    else if (is_letter(c))
        word(lx, out);
    else if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))))
        number(lx, out);
    else if (c == '@')
        parameter(lx, out);
    else
        punctuation(lx, out);
    if (out->kind != TOKEN_ERROR)
        out->text = str_of(lx->text.p + out->at, lx->at - out->at);
}

bool token_is(const struct token *t, const char *what)
{
    if (t->kind != TOKEN_WORD && t->kind != TOKEN_OP)
        return false;
    return str_ieq(t->text, str_from(what));
}

void lex_position(struct str text, size_t at, unsigned *line, unsigned *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        if (text.p[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}
