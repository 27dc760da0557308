/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/proto_lex.h"

#include <ctype.h>

static bool is_at(const struct proto_lexer *l, const char *two)
{
    return l->end - l->p >= 2 && l->p[0] == two[0] && l->p[1] == two[1];
}

/* False: a comment without end. */
static bool skip_blanks(struct proto_lexer *l)
{
    while (l->p < l->end) {
        if (is_at(l, "//")) {
            while (l->p < l->end && *l->p != '\n')
                l->p++;
        } else if (is_at(l, "/*")) {
            l->p += 2;
            while (l->p < l->end && !is_at(l, "*/"))
                l->line += *l->p++ == '\n';
            if (l->p == l->end)
                return false;
            l->p += 2;
        } else if (isspace((uint8_t)*l->p)) {
            l->line += *l->p++ == '\n';
        } else {
            break;
        }
    }
    return true;
}

static bool is_word(char c)
{
    return isalnum((uint8_t)c) || c == '_';
}

static bool read_string(struct proto_lexer *l)
{
    char quote = *l->p++;
    const char *start = l->p;

    while (l->p < l->end && *l->p != quote && *l->p != '\n') {
        if (*l->p == '\\' && l->end - l->p > 1)
            l->p++;
        l->p++;
    }
    if (l->p >= l->end || *l->p != quote)
        return false;
    l->text = str_of(start, (size_t)(l->p - start));
    l->p++;
    return true;
}

static int digit(char c)
{
    return isdigit((uint8_t)c)    ? c - '0'
           : isxdigit((uint8_t)c) ? tolower((uint8_t)c) - 'a' + 10
                                  : 16;
}

/* The whole of `s` in `base`; false: other characters, or too big. */
static bool to_number(struct str s, unsigned base, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned d = (unsigned)digit(s.p[i]);

        if (d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    *out = v;
    return s.len > 0;
}

/* Integers, and numbers with point or exponent: their value is not needed. */
static enum proto_token_kind read_number(struct proto_lexer *l)
{
    const char *start = l->p;
    bool is_hex, is_float = false;
    struct str s;

    is_hex = is_at(l, "0x") || is_at(l, "0X");
    for (; l->p < l->end; l->p++) {
        bool exponent =
            !is_hex && l->p > start && (l->p[-1] == 'e' || l->p[-1] == 'E');

        if (*l->p == '.' || (exponent && (*l->p == '-' || *l->p == '+')))
            is_float = true;
        else if (!is_word(*l->p))
            break;
        is_float = is_float || (!is_hex && (*l->p == 'e' || *l->p == 'E'));
    }
    s = l->text = str_of(start, (size_t)(l->p - start));
    if (is_float)
        return PROTO_T_FLOAT;
    if (is_hex)
        return to_number(str_of(s.p + 2, s.len - 2), 16, &l->value)
                   ? PROTO_T_INT
                   : PROTO_T_ERROR;
    return to_number(s, s.len > 1 && *s.p == '0' ? 8 : 10, &l->value)
               ? PROTO_T_INT
               : PROTO_T_ERROR;
}

static enum proto_token_kind read_token(struct proto_lexer *l)
{
    const char *start;

    if (!skip_blanks(l))
        return PROTO_T_ERROR;
    start = l->p;
    l->text = str_of(start, 0);
    if (start == l->end)
        return PROTO_T_END;
    if (*start == '"' || *start == '\'')
        return read_string(l) ? PROTO_T_STRING : PROTO_T_ERROR;
    if (isdigit((uint8_t)*start))
        return read_number(l);
    if (is_word(*start)) {
        while (l->p < l->end && is_word(*l->p))
            l->p++;
        l->text.len = (size_t)(l->p - start);
        return PROTO_T_NAME;
    }
    l->p++;
    l->text.len = 1;
    return *start > ' ' && *start < 127 ? PROTO_T_SIGN : PROTO_T_ERROR;
}

void proto_lex_next(struct proto_lexer *l)
{
    if (l->kind != PROTO_T_ERROR)
        l->kind = read_token(l);
}

void proto_lex_init(struct proto_lexer *l, struct str text)
{
    *l = (struct proto_lexer){.p = text.p ? text.p : "", .line = 1};
    l->end = l->p + text.len;
    proto_lex_next(l);
}
