/* SPDX-License-Identifier: Apache-2.0 */
/* GoogleSQL's tokens (Lexical structure and syntax), pulled one at a time.
 *
 * A lexer is a plain value: copy it to look ahead, copy it back to return.
 * Literals are decoded into the arena. Pure; threads: one a lexer. */
#ifndef EMULATOR_BIGQUERY_SQL_LEX_H
#define EMULATOR_BIGQUERY_SQL_LEX_H

#include "emulator/bigquery/sql/arena.h"

enum token_kind {
    TOKEN_END,
    TOKEN_ERROR,  /* lexer.error holds the sentence */
    TOKEN_WORD,   /* identifier or keyword, unquoted */
    TOKEN_QUOTED, /* identifier in backticks; `value` decoded */
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_STRING,
    TOKEN_BYTES,
    TOKEN_PARAM,  /* @name; `value` is the name */
    TOKEN_SYSVAR, /* @@name */
    TOKEN_OP      /* punctuation; `text` */
};

struct token {
    enum token_kind kind;
    bool reserved; /* a WORD that must be quoted to be a name */
    size_t at;     /* offset into the text */
    struct str text;
    struct str value;
};

struct lexer {
    struct arena *mem;
    struct str text;
    size_t at;
    const char *error; /* of a TOKEN_ERROR */
    size_t error_at;
};

void lex_init(struct lexer *lx, struct arena *mem, struct str text);
void lex_next(struct lexer *lx, struct token *out);

/* Is it this keyword or operator? Quoted identifiers never are. */
bool token_is(const struct token *t, const char *word);
bool lex_is_reserved(struct str word);
/* 1-based line and column (code points) of an offset. */
void lex_position(struct str text, size_t at, unsigned *line, unsigned *column);

#endif
