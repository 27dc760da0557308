/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a .proto file (protobuf.dev/reference/protobuf/proto3-spec).
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_PROTO_LEX_H
#define EMULATOR_PUBSUB_PROTO_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

enum proto_token_kind {
    PROTO_T_END,
    PROTO_T_NAME, /* letters, digits, underscores */
    PROTO_T_INT,  /* decimal, octal, hexadecimal: `value` */
    PROTO_T_FLOAT,
    PROTO_T_STRING, /* `text` without quotes, as written */
    PROTO_T_SIGN,   /* one character */
    PROTO_T_ERROR
};

struct proto_lexer {
    const char *p, *end;
    unsigned line;
    /* the token that stands next */
    enum proto_token_kind kind;
    struct str text;
    uint64_t value;
};

void proto_lex_init(struct proto_lexer *l, struct str text);
void proto_lex_next(struct proto_lexer *l);

static inline bool proto_lex_is(const struct proto_lexer *l, const char *text)
{
    return (l->kind == PROTO_T_NAME || l->kind == PROTO_T_SIGN) &&
           str_eq(l->text, str_from(text));
}

#endif
