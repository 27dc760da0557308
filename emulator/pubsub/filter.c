/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over at most 256 bytes; the tree lives in one array. */
#include "emulator/pubsub/filter.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/message.h"

enum node_kind {
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_HAS,
    NODE_EQUALS,
    NODE_DIFFERS,
    NODE_PREFIX
};

/* At most one node a byte of the text. */
struct node {
    enum node_kind kind;
    uint16_t left, right;      /* operands */
    uint16_t key, key_len;     /* in `text` */
    uint16_t value, value_len; /* in `text` */
};

struct filter {
    uint16_t root;
    uint16_t n;
    struct node nodes[FILTER_MAX_BYTES];
    /* decoded keys and values; a decoded string is never longer than its
     * source */
    uint16_t text_len;
    char text[FILTER_MAX_BYTES];
};

struct parser {
    const char *start, *p, *end;
    struct filter *f;
    const char *what; /* first error */
    int depth;
};

static bool fail(struct parser *p, const char *what)
{
    if (!p->what)
        p->what = what;
    return false;
}

static void skip_blanks(struct parser *p)
{
    while (p->p < p->end &&
           (*p->p == ' ' || *p->p == '\t' || *p->p == '\n' || *p->p == '\r'))
        p->p++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The word stands here, and nothing that would go on with it. */
static bool take_word(struct parser *p, struct str word)
{
    skip_blanks(p);
    if (!str_starts(str_of(p->p, (size_t)(p->end - p->p)), word) ||
        (p->p + word.len < p->end && is_word(p->p[word.len])))
        return false;
    p->p += word.len;
    return true;
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (p->p == p->end || *p->p != c)
        return false;
    p->p++;
    return true;
}

static int digit(char c, int base)
{
    int v = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : 99;

    return v < base ? v : -1;
}

/* Digits of a code point: exactly `n`, base 16 or 8. */
static bool code_point(struct parser *p, int n, int base, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        int d = p->p < p->end ? digit(*p->p, base) : -1;

        if (d < 0)
            return fail(p, "bad escape in string");
        *out = *out * (unsigned)base + (unsigned)d;
        p->p++;
    }
    return true;
}

static void put_byte(struct filter *f, unsigned c)
{
    f->text[f->text_len++] = (char)c;
}

static bool put_utf8(struct parser *p, unsigned c)
{
    struct filter *f = p->f;

    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return fail(p, "bad escape in string");
    if (c < 0x80) {
        put_byte(f, c);
    } else if (c < 0x800) {
        put_byte(f, 0xc0 | c >> 6);
        put_byte(f, 0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        put_byte(f, 0xe0 | c >> 12);
        put_byte(f, 0x80 | (c >> 6 & 0x3f));
        put_byte(f, 0x80 | (c & 0x3f));
    } else {
        put_byte(f, 0xf0 | c >> 18);
        put_byte(f, 0x80 | (c >> 12 & 0x3f));
        put_byte(f, 0x80 | (c >> 6 & 0x3f));
        put_byte(f, 0x80 | (c & 0x3f));
    }
    return true;
}

static bool escape(struct parser *p)
{
    static const char from[] = "abfnrtv\\\"'?`";
    static const char to[] = "\a\b\f\n\r\t\v\\\"'?`";
    const char *at;
    unsigned c;

    if (p->p == p->end)
        return fail(p, "string without end");
    switch (*p->p) {
    case 'x':
    case 'X':
        p->p++;
        return code_point(p, 2, 16, &c) && put_utf8(p, c);
    case 'u':
        p->p++;
        return code_point(p, 4, 16, &c) && put_utf8(p, c);
    case 'U':
        p->p++;
        return code_point(p, 8, 16, &c) && put_utf8(p, c);
    default:
        break;
    }
    if (*p->p >= '0' && *p->p <= '7')
        return code_point(p, 3, 8, &c) && put_utf8(p, c);
    at = strchr(from, *p->p);
    if (!at || !*p->p)
        return fail(p, "bad escape in string");
    p->p++;
    put_byte(p->f, (unsigned char)to[at - from]);
    return true;
}

static bool string(struct parser *p, uint16_t *at, uint16_t *len)
{
    *at = p->f->text_len;
    if (!take(p, '"'))
        return fail(p, "a string in double quotes is expected");
    while (p->p < p->end && *p->p != '"') {
        if (*p->p != '\\') {
            put_byte(p->f, (unsigned char)*p->p++);
            continue;
        }
        p->p++;
        if (!escape(p))
            return false;
    }
    if (p->p == p->end)
        return fail(p, "string without end");
    p->p++;
    *len = (uint16_t)(p->f->text_len - *at);
    return true;
}

static bool key(struct parser *p, struct node *n)
{
    const char *from;

    skip_blanks(p);
    if (p->p < p->end && *p->p == '"') {
        if (!string(p, &n->key, &n->key_len))
            return false;
    } else {
        from = p->p;
        n->key = p->f->text_len;
        while (p->p < p->end && is_word(*p->p))
            put_byte(p->f, (unsigned char)*p->p++);
        n->key_len = (uint16_t)(p->p - from);
    }
    return n->key_len > 0 || fail(p, "an attribute's key is expected");
}

static uint16_t add(struct parser *p, struct node n)
{
    p->f->nodes[p->f->n] = n;
    return p->f->n++;
}

static bool attribute_key(struct parser *p, struct node *n)
{
    return (take_word(p, STR("attributes")) && take(p, '.'))
               ? key(p, n)
               : fail(p, "\"attributes.KEY\" is expected");
}

static bool has_prefix(struct parser *p, struct node *n)
{
    n->kind = NODE_PREFIX;
    if (!take(p, '('))
        return fail(p, "\"(\" is expected");
    if (!attribute_key(p, n))
        return false;
    if (!take(p, ','))
        return fail(p, "\",\" is expected");
    return string(p, &n->value, &n->value_len) &&
           (take(p, ')') || fail(p, "\")\" is expected"));
}

static bool predicate(struct parser *p, uint16_t *out)
{
    struct node n = {0};

    if (take_word(p, STR("hasPrefix"))) {
        if (!has_prefix(p, &n))
            return false;
    } else if (!take_word(p, STR("attributes"))) {
        return fail(p, "\"attributes\" or \"hasPrefix\" is expected");
    } else if (take(p, ':')) {
        n.kind = NODE_HAS;
        if (!key(p, &n))
            return false;
    } else if (take(p, '.')) {
        if (!key(p, &n))
            return false;
        n.kind = take(p, '!') ? NODE_DIFFERS : NODE_EQUALS;
        if (!take(p, '='))
            return fail(p, "\"=\" or \"!=\" is expected");
        if (!string(p, &n.value, &n.value_len))
            return false;
    } else {
        return fail(p, "\":\" or \".\" is expected after \"attributes\"");
    }
    *out = add(p, n);
    return true;
}

static bool expression(struct parser *p, uint16_t *out);

static bool term(struct parser *p, uint16_t *out)
{
    struct node n = {.kind = NODE_NOT};
    bool ok;

    if (take_word(p, STR("NOT")) || take(p, '-')) {
        /* A second negation is not in the grammar. */
        if (take_word(p, STR("NOT")) || take(p, '-'))
            return fail(p, "NOT may not be repeated");
        if (!term(p, &n.left))
            return false;
        *out = add(p, n);
        return true;
    }
    if (!take(p, '('))
        return predicate(p, out);
    if (++p->depth > 32)
        return fail(p, "too many parentheses");
    ok = expression(p, out) && (take(p, ')') || fail(p, "\")\" is expected"));
    p->depth--;
    return ok;
}

static bool expression(struct parser *p, uint16_t *out)
{
    struct node n = {0};
    bool any = false;

    *out = 0;
    if (!term(p, out))
        return false;
    for (;;) {
        enum node_kind kind;

        if (take_word(p, STR("AND")))
            kind = NODE_AND;
        else if (take_word(p, STR("OR")))
            kind = NODE_OR;
        else
            return true;
        if (any && kind != n.kind)
            return fail(p, "AND and OR may not be mixed without parentheses");
        any = true;
        n.kind = kind;
        n.left = *out;
        if (!term(p, &n.right))
            return false;
        *out = add(p, n);
    }
}

int filter_parse(struct str text, struct filter **out, struct err *err)
{
    struct parser p = {.start = text.p, .p = text.p, .end = text.p + text.len};
    uint16_t root;

    *out = NULL;
    if (text.len > FILTER_MAX_BYTES)
        return err_set(err, RC_INVALID, "longer than %d bytes",
                       FILTER_MAX_BYTES);
    if (!json_is_utf8(text))
        return err_set(err, RC_INVALID, "not UTF-8");
    p.f = MEM_NEW(struct filter);
    if (expression(&p, &root)) {
        skip_blanks(&p);
        if (p.p == p.end) {
            p.f->root = root;
            *out = p.f;
            return RC_OK;
        }
        fail(&p, "AND, OR or the end is expected");
    }
    mem_free(p.f);
    return err_set(err, RC_INVALID, "%s at byte %zu", p.what,
                   (size_t)(p.p - p.start));
}

void filter_free(struct filter *f)
{
    mem_free(f);
}

static bool match(const struct filter *f, uint16_t at, struct str message)
{
    const struct node *n = &f->nodes[at];
    struct str want = str_of(f->text + n->value, n->value_len);
    struct str got;

    switch (n->kind) {
    case NODE_AND:
        return match(f, n->left, message) && match(f, n->right, message);
    case NODE_OR:
        return match(f, n->left, message) || match(f, n->right, message);
    case NODE_NOT:
        return !match(f, n->left, message);
    default:
        break;
    }
    got = message_attribute(message, str_of(f->text + n->key, n->key_len));
    switch (n->kind) {
    case NODE_HAS:
        return got.p != NULL;
    case NODE_EQUALS:
        return got.p && str_eq(got, want);
    case NODE_DIFFERS:
        return !got.p || !str_eq(got, want);
    default:
        return got.p && str_starts(got, want);
    }
}

bool filter_match(const struct filter *f, struct str message)
{
    return match(f, f->root, message);
}
