/* SPDX-License-Identifier: Apache-2.0 */
/* ECMAScript's tokens (ECMA-262 chapter 12), and what a few of them in a row
 * mean. Only asked about text that the engine has refused. */
#include "emulator/pubsub/transform_syntax.h"

#include <stddef.h>

enum kind {
    END,
    WORD,
    NUMBER,
    STRING,
    REGEXP,
    MARK
};

struct token {
    enum kind kind;
    struct str text;
    unsigned line;
};

struct lexer {
    struct str rest;
    unsigned line;
    struct token last; /* before the current one */
    struct token now;
};

static bool is(const struct token *t, const char *text)
{
    return (t->kind == WORD || t->kind == MARK) &&
           str_eq(t->text, str_from(text));
}

/* --- tokens --------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes beyond ASCII belong to names. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           c == '_' || c == '$' || c == '\\' || (unsigned char)c >= 0x80;
}

static char at(const struct lexer *l, size_t i)
{
    return i < l->rest.len ? l->rest.p[i] : '\0';
}

static void skip(struct lexer *l, size_t n)
{
    if (n > l->rest.len)
        n = l->rest.len;
    for (size_t i = 0; i < n; i++)
        l->line += l->rest.p[i] == '\n';
    l->rest = str_of(l->rest.p + n, l->rest.len - n);
}

static void skip_comment(struct lexer *l)
{
    size_t n = 2;

    if (at(l, 1) == '/') {
        while (n < l->rest.len && at(l, n) != '\n')
            n++;
    } else {
        while (n < l->rest.len && !(at(l, n) == '*' && at(l, n + 1) == '/'))
            n++;
        n += 2;
    }
    skip(l, n);
}

static void skip_space(struct lexer *l)
{
    while (l->rest.len) {
        char c = at(l, 0);

        if (c == '/' && (at(l, 1) == '/' || at(l, 1) == '*'))
            skip_comment(l);
        else if (c == ' ' || (c >= '\t' && c <= '\r'))
            skip(l, 1);
        else
            return;
    }
}

/* A slash begins a pattern where a value may begin. */
static bool may_be_regexp(const struct token *before)
{
    static const char *const words[] = {"return", "typeof", "case", "in",
                                        "delete", "void",   "new",  "else",
                                        "do",     "throw",  NULL};

    if (before->kind == WORD) {
        for (size_t i = 0; words[i]; i++)
            if (is(before, words[i]))
                return true;
        return false;
    }
    return before->kind == END || (before->kind == MARK && !is(before, ")") &&
                                   !is(before, "]") && !is(before, "}"));
}

static size_t regexp_len(const struct lexer *l)
{
    bool in_class = false;
    size_t n = 1;

    for (; n < l->rest.len && at(l, n) != '\n'; n++) {
        char c = at(l, n);

        if (c == '\\')
            n++;
        else if (c == '[')
            in_class = true;
        else if (c == ']')
            in_class = false;
        else if (c == '/' && !in_class)
            break;
    }
    for (n++; is_word(at(l, n)); n++)
        ;
    return n;
}

static size_t string_len(const struct lexer *l)
{
    char quote = at(l, 0);
    size_t n = 1;

    while (n < l->rest.len && at(l, n) != quote && at(l, n) != '\n')
        n += at(l, n) == '\\' ? 2 : 1;
    return n + 1;
}

/* Marks of which a part means something else. */
static size_t mark_len(const struct lexer *l)
{
    static const char *const marks[] = {
        ">>>=", "...",  "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=",
        "||=",  "?\?=", "=>",  "==",  "!=",  "<=",  ">=",  "&&",  "||",
        "??",   "?.",   "++",  "--",  "+=",  "-=",  "*=",  "/=",  "%=",
        "&=",   "|=",   "^=",  "<<",  ">>",  "**",  NULL};

    for (size_t i = 0; marks[i]; i++)
        if (str_starts(l->rest, str_from(marks[i])) &&
            !(i == 19 && is_digit(at(l, 2)))) /* a ? .5 : 1 */
            return str_from(marks[i]).len;
    return 1;
}

static size_t word_len(const struct lexer *l)
{
    size_t n = 0;

    while (is_word(at(l, n)))
        n++;
    return n;
}

static size_t number_len(const struct lexer *l)
{
    size_t n = 1;

    while (is_word(at(l, n)) || at(l, n) == '.' ||
           ((at(l, n) == '+' || at(l, n) == '-') &&
            (at(l, n - 1) == 'e' || at(l, n - 1) == 'E') && at(l, 1) != 'x'))
        n++;
    return n;
}

static void next(struct lexer *l)
{
    struct token t = {.kind = END};
    char c;
    size_t n;

    skip_space(l);
    l->last = l->now;
    c = at(l, 0);
    t.line = l->line;
    if (l->rest.len == 0) {
        t.text = STR("");
        l->now = t;
        return;
    }
    if (is_digit(c) || (c == '.' && is_digit(at(l, 1)))) {
        t.kind = NUMBER;
        n = number_len(l);
    } else if (is_word(c)) {
        t.kind = WORD;
        n = word_len(l);
    } else if (c == '"' || c == '\'') {
        t.kind = STRING;
        n = string_len(l);
    } else if (c == '/' && may_be_regexp(&l->last)) {
        t.kind = REGEXP;
        n = regexp_len(l);
    } else {
        t.kind = MARK;
        n = mark_len(l);
    }
    if (n > l->rest.len)
        n = l->rest.len;
    t.text = str_of(l->rest.p, n);
    skip(l, n);
    l->now = t;
}

/* --- what is newer -------------------------------------------------------- */

#define CALLBACK "write function (...) { ... }"
#define USE_VAR  "write var"
#define PICK     "pick each part by its name"

struct sign {
    const char *what, *instead;
};

static const struct sign *mark_sign(const struct token *t)
{
    static const struct {
        const char *mark;
        struct sign sign;
    } marks[] = {
        {"=>", {"arrow functions (=>)", CALLBACK}},
        {"`", {"template literals (`...`)", "join strings with +"}},
        {"...", {"spread and rest (...)", "use concat, apply or arguments"}},
        {"?.", {"optional chaining (?.)", "test with &&"}},
        {"??", {"the ?? operator", "use the conditional operator ? :"}},
        {"?\?=", {"the ?\?= operator", "use if"}},
        {"&&=", {"the &&= operator", "use if"}},
        {"||=", {"the ||= operator", "use if"}},
        {"#", {"private names (#)", "use a plain name"}},
    };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (is(t, marks[i].mark))
            return &marks[i].sign;
    return NULL;
}

static const struct sign *number_sign(struct str text)
{
    static const struct sign big = {"BigInt literals", "use a number"};
    static const struct sign cut = {"separators in numbers (1_000)",
                                    "leave them out"};
    bool hex = text.len > 1 && (text.p[1] == 'x' || text.p[1] == 'X');

    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '_')
            return &cut;
    return !hex && text.p[text.len - 1] == 'n' ? &big : NULL;
}

static const struct sign *regexp_sign(struct str text)
{
    static const struct sign flags = {"the flags d, s, u, v and y of patterns",
                                      "use g, i and m only"};
    static const struct sign named = {"named groups in patterns", "count them"};
    static const struct sign behind = {"lookbehind in patterns",
                                       "match more and cut"};
    size_t end = text.len;

    while (end > 1 && text.p[end - 1] != '/')
        end--;
    for (size_t i = end; end > 1 && i < text.len; i++)
        if (text.p[i] == 's' || text.p[i] == 'u' || text.p[i] == 'y' ||
            text.p[i] == 'v' || text.p[i] == 'd')
            return &flags;
    for (size_t i = 0; i + 3 < end; i++)
        if (text.p[i] == '(' && text.p[i + 1] == '?' && text.p[i + 2] == '<')
            return text.p[i + 3] == '=' || text.p[i + 3] == '!' ? &behind
                                                                : &named;
    return NULL;
}

/* Behind "function": the lexer stays at the list's end or at what is newer. */
static const struct sign *function_sign(struct lexer *l)
{
    static const struct sign generator = {"generator functions (function*)",
                                          "build an array"};
    static const struct sign preset = {"default parameters",
                                       "test for undefined"};
    static const struct sign apart = {"destructured parameters", PICK};

    next(l);
    if (is(&l->now, "*"))
        return &generator;
    if (l->now.kind == WORD)
        next(l);
    if (!is(&l->now, "("))
        return NULL;
    for (next(l); l->now.kind != END && !is(&l->now, ")"); next(l)) {
        const struct sign *sign = mark_sign(&l->now);

        if (sign)
            return sign;
        if (is(&l->now, "="))
            return &preset;
        if (is(&l->now, "{") || is(&l->now, "["))
            return &apart;
    }
    return NULL;
}

/* Behind "for": for (x of y), and const where only var can stand. */
static const struct sign *for_sign(struct lexer *l)
{
    static const struct sign of = {"for (... of ...)",
                                   "count with for (var i = 0; ...)"};
    static const struct sign fixed = {"const as a loop's variable", USE_VAR};
    static const struct sign let = {"let", USE_VAR};
    static const struct sign waits = {"for await", "do without promises"};
    static const struct sign apart = {"destructuring", PICK};
    bool is_const;

    next(l);
    if (is(&l->now, "await"))
        return &waits;
    if (!is(&l->now, "("))
        return NULL;
    next(l);
    if (is(&l->now, "let"))
        return &let;
    is_const = is(&l->now, "const");
    if (is_const || is(&l->now, "var"))
        next(l);
    if (is(&l->now, "{") || is(&l->now, "["))
        return &apart;
    if (l->now.kind != WORD)
        return NULL;
    next(l);
    if (is(&l->now, "of"))
        return &of;
    return is_const && is(&l->now, "in") ? &fixed : NULL;
}

/* A word and the token behind it; the lexer stands on the latter. */
static const struct sign *pair_sign(const struct token *word,
                                    const struct token *then)
{
    static const struct sign let = {"let", USE_VAR};
    static const struct sign class = {"classes", "use plain functions"};
    static const struct sign async = {"async functions",
                                      "nothing here has to be waited for"};
    static const struct sign await = {"await",
                                      "nothing here has to be waited for"};
    static const struct sign yield = {"generators (yield)", "build an array"};
    static const struct sign module = {"modules (import, export)",
                                       "a transform is one script of its own"};
    static const struct sign apart = {"destructuring", PICK};
    static const struct sign bare = {"catch without a variable",
                                     "write catch (e)"};
    bool value =
        then->kind != MARK || is(then, "(") || is(then, "[") || is(then, "{");

    if (is(word, "let") &&
        (then->kind == WORD || is(then, "{") || is(then, "[")))
        return &let;
    if (is(word, "class") && (then->kind == WORD || is(then, "{")))
        return &class;
    if (is(word, "async") && (then->kind == WORD || is(then, "(")))
        return &async;
    if (is(word, "await") && value)
        return &await;
    if (is(word, "yield") && value)
        return &yield;
    if ((is(word, "import") || is(word, "export")) && value)
        return &module;
    if ((is(word, "var") || is(word, "const")) &&
        (is(then, "{") || is(then, "[")))
        return &apart;
    return is(word, "catch") && is(then, "{") ? &bare : NULL;
}

/* What begins at the current token. Moves on at least one token. */
static const struct sign *sign_here(struct lexer *l, unsigned *line)
{
    struct token t = l->now;
    bool is_name = is(&l->last, "."); /* of a property */
    const struct sign *sign = NULL;

    *line = t.line;
    if (t.kind == MARK)
        sign = mark_sign(&t);
    else if (t.kind == NUMBER)
        sign = number_sign(t.text);
    else if (t.kind == REGEXP)
        sign = regexp_sign(t.text);
    if (sign)
        return sign;
    if (t.kind == WORD && !is_name && is(&t, "function")) {
        sign = function_sign(l);
        *line = l->now.line;
    } else if (t.kind == WORD && !is_name && is(&t, "for")) {
        sign = for_sign(l);
        *line = l->now.line;
    } else {
        next(l);
        if (t.kind == WORD && !is_name && !is(&l->now, ":"))
            sign = pair_sign(&t, &l->now);
    }
    return sign;
}

bool transform_syntax_newer(struct str code, struct newer_syntax *out)
{
    struct lexer l = {.rest = code, .line = 1};

    next(&l);
    while (l.now.kind != END) {
        unsigned line;
        const struct sign *sign = sign_here(&l, &line);

        if (sign) {
            *out = (struct newer_syntax){line, sign->what, sign->instead};
            return true;
        }
    }
    return false;
}
