/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of .proto files. */
#include "emulator/pubsub/proto_parse.h"

#include "common/mem.h"
#include "emulator/pubsub/proto_lex.h"

enum {
    NUMBER_MAX = 536870911, /* of a field */
    RESERVED_FIRST = 19000, /* by protocol buffers themselves */
    RESERVED_LAST = 19999
};

struct parser {
    struct proto_lexer l;
    struct proto_schema *s;
    unsigned depth;
    unsigned n_top; /* messages at the top */
    struct err *err;
};

static const char *const kind_names[] = {
    "double",   "float",    "int32",  "int64",   "uint32",
    "uint64",   "sint32",   "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool",   "string",  "bytes"};

static bool fail(struct parser *p, const char *what)
{
    err_set(p->err, RC_INVALID, "Protocol buffer: line %u: %s, near \"%.*s\"",
            p->l.line, what, p->l.text.len > 40 ? 40 : (int)p->l.text.len,
            p->l.text.p);
    return false;
}

#define GROW(array, n, cap)                                                    \
    do {                                                                       \
        if ((n) == (cap)) {                                                    \
            (cap) = (cap) ? (cap)*2 : 8;                                       \
            (array) = mem_realloc((array), (cap) * sizeof(*(array)));          \
        }                                                                      \
    } while (0)

/* --- small pieces --------------------------------------------------------- */

static bool take(struct parser *p, const char *text)
{
    if (!proto_lex_is(&p->l, text))
        return false;
    proto_lex_next(&p->l);
    return true;
}

static bool want(struct parser *p, const char *text)
{
    char what[32] = "expected ";

    if (take(p, text))
        return true;
    strncat(what, text, sizeof(what) - strlen(what) - 1);
    return fail(p, what);
}

/* Owned; NULL: refused. */
static char *want_name(struct parser *p)
{
    char *name;

    if (p->l.kind != PROTO_T_NAME) {
        fail(p, "expected a name");
        return NULL;
    }
    name = mem_strndup(p->l.text.p, p->l.text.len);
    proto_lex_next(&p->l);
    return name;
}

/* "a.b.c", with a dot in front if it begins with one; owned. */
static char *want_path(struct parser *p)
{
    char *path = mem_strdup(take(p, ".") ? "." : "");

    do {
        char *part = want_name(p), *longer;

        if (!part) {
            mem_free(path);
            return NULL;
        }
        longer = mem_printf("%s%s%s", path,
                            *path && strcmp(path, ".") != 0 ? "." : "", part);
        mem_free(part);
        mem_free(path);
        path = longer;
    } while (take(p, "."));
    return path;
}

static bool want_int(struct parser *p, int64_t *out)
{
    bool minus = take(p, "-");

    if (p->l.kind != PROTO_T_INT || p->l.value > INT64_MAX)
        return fail(p, "expected a number");
    *out = minus ? -(int64_t)p->l.value : (int64_t)p->l.value;
    proto_lex_next(&p->l);
    return true;
}

/* Passes over a value, or what stands in braces or brackets. */
static bool skip_value(struct parser *p)
{
    unsigned depth = 0;

    do {
        if (p->l.kind == PROTO_T_END || p->l.kind == PROTO_T_ERROR)
            return fail(p, "the file ends in an option");
        if (proto_lex_is(&p->l, "{") || proto_lex_is(&p->l, "["))
            depth++;
        else if (proto_lex_is(&p->l, "}") || proto_lex_is(&p->l, "]"))
            depth--;
        proto_lex_next(&p->l);
    } while (depth || (!proto_lex_is(&p->l, ";") && !proto_lex_is(&p->l, ",") &&
                       !proto_lex_is(&p->l, "]")));
    return true;
}

/* "(a.b).c" or "a": `*plain` is the name if it is one word; owned. */
static bool option_name(struct parser *p, char **plain)
{
    *plain = NULL;
    if (p->l.kind == PROTO_T_NAME)
        *plain = mem_strndup(p->l.text.p, p->l.text.len);
    while (!proto_lex_is(&p->l, "=")) {
        if (p->l.kind == PROTO_T_END || p->l.kind == PROTO_T_ERROR ||
            proto_lex_is(&p->l, ";")) {
            mem_free(*plain);
            *plain = NULL;
            return fail(p, "expected = of an option");
        }
        proto_lex_next(&p->l);
    }
    return want(p, "=");
}

static bool option_statement(struct parser *p, struct proto_type *t)
{
    char *name;

    if (!option_name(p, &name))
        return false;
    if (t && t->is_enum && name && strcmp(name, "allow_alias") == 0)
        t->allow_alias = proto_lex_is(&p->l, "true");
    mem_free(name);
    return skip_value(p) && want(p, ";");
}

/* [json_name = "x", packed = true]: only the first matters to us. */
static bool field_options(struct parser *p, struct proto_field *f)
{
    if (!take(p, "["))
        return true;
    do {
        char *name;

        if (!option_name(p, &name))
            return false;
        if (f && name && strcmp(name, "json_name") == 0 &&
            p->l.kind == PROTO_T_STRING) {
            mem_free(f->json_name);
            f->json_name = mem_strndup(p->l.text.p, p->l.text.len);
        }
        mem_free(name);
        if (!skip_value(p))
            return false;
    } while (take(p, ","));
    return want(p, "]");
}

/* --- types ---------------------------------------------------------------- */

static struct proto_type *type_new(struct parser *p, const char *scope,
                                   const char *name)
{
    struct proto_type *t = MEM_NEW(struct proto_type);

    t->name = *scope ? mem_printf("%s.%s", scope, name) : mem_strdup(name);
    t->next = p->s->types;
    p->s->types = t;
    return t;
}

static struct proto_field *field_new(struct proto_type *t)
{
    struct proto_field *f;

    GROW(t->fields, t->n_fields, t->cap_fields);
    f = &t->fields[t->n_fields++];
    memset(f, 0, sizeof(*f));
    return f;
}

static void set_kind(struct proto_field *f, const char *type)
{
    f->kind = PROTO_NAMED;
    for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
        if (strcmp(type, kind_names[i]) == 0)
            f->kind = (enum proto_kind)i;
}

static bool field_number(struct parser *p, struct proto_field *f)
{
    int64_t number;

    if (!want(p, "=") || !want_int(p, &number))
        return false;
    if (number < 1 || number > NUMBER_MAX ||
        (number >= RESERVED_FIRST && number <= RESERVED_LAST))
        return fail(p, "not a field's number");
    f->number = (uint32_t)number;
    return field_options(p, f) && want(p, ";");
}

/* What follows label and type. */
static bool rest_of_field(struct parser *p, struct proto_type *t, char *type,
                          enum proto_label label, unsigned oneof)
{
    struct proto_field *f = field_new(t);

    f->type_name = type;
    f->label = label;
    f->oneof = oneof;
    set_kind(f, type);
    f->name = want_name(p);
    return f->name && field_number(p, f);
}

static bool parse_field(struct parser *p, struct proto_type *t, unsigned oneof)
{
    enum proto_label label = PROTO_OPTIONAL;
    bool labelled = true;
    char *type;

    if (take(p, "repeated"))
        label = PROTO_REPEATED;
    else if (take(p, "required"))
        label = PROTO_REQUIRED;
    else
        labelled = take(p, "optional");
    if (oneof && labelled)
        return fail(p, "fields of a oneof have no label");
    if (label == PROTO_REQUIRED && p->s->is_proto3)
        return fail(p, "proto3 has no required fields");
    if (!oneof && !labelled && !p->s->is_proto3)
        return fail(p, "a field of proto2 needs a label");
    if (proto_lex_is(&p->l, "group"))
        return fail(p, "groups are not supported");
    type = want_path(p);
    return type && rest_of_field(p, t, type, label, oneof);
}

/* map<K, V> name = 1; is a repeated message of key and value. */
static bool parse_map(struct parser *p, struct proto_type *t)
{
    char *key = NULL, *value = NULL, *name;
    struct proto_type *entry;
    struct proto_field *f;

    if (!want(p, "<") || !(key = want_path(p)) || !want(p, ",") ||
        !(value = want_path(p)) || !want(p, ">")) {
        mem_free(key);
        mem_free(value);
        return false;
    }
    name = mem_printf("<map %zu>", t->n_fields);
    entry = type_new(p, t->name, name);
    mem_free(name);
    f = field_new(entry);
    *f = (struct proto_field){
        .name = mem_strdup("key"), .number = 1, .type_name = key};
    set_kind(f, key);
    f = field_new(entry);
    *f = (struct proto_field){
        .name = mem_strdup("value"), .number = 2, .type_name = value};
    set_kind(f, value);
    if (entry->fields[0].kind > PROTO_STRING ||
        entry->fields[0].kind <= PROTO_FLOAT)
        return fail(p, "not a type of a map's key");
    f = field_new(t);
    f->is_map = true;
    f->label = PROTO_REPEATED;
    f->kind = PROTO_MESSAGE;
    f->type = entry;
    f->name = want_name(p);
    return f->name && field_number(p, f);
}

static bool parse_oneof(struct parser *p, struct proto_type *t)
{
    char *name = want_name(p);
    bool ok = name && want(p, "{");

    mem_free(name);
    t->n_oneofs++;
    while (ok && !take(p, "}"))
        ok = take(p, "option") ? option_statement(p, NULL)
                               : parse_field(p, t, t->n_oneofs);
    return ok;
}

/* reserved 2, 9 to 11, 40 to max; reserved "a", "b"; extensions likewise. */
static bool parse_reserved(struct parser *p, struct proto_type *t, bool keep)
{
    do {
        int64_t from, to;

        if (p->l.kind == PROTO_T_STRING) {
            GROW(t->reserved_names, t->n_reserved_names, t->cap_reserved_names);
            t->reserved_names[t->n_reserved_names++] =
                mem_strndup(p->l.text.p, p->l.text.len);
            proto_lex_next(&p->l);
            continue;
        }
        if (!want_int(p, &from))
            return false;
        to = from;
        if (take(p, "to")) {
            if (take(p, "max"))
                to = INT32_MAX;
            else if (!want_int(p, &to))
                return false;
        }
        if (!keep)
            continue;
        GROW(t->reserved, t->n_reserved, t->cap_reserved);
        t->reserved[t->n_reserved++] = (struct proto_range){from, to};
    } while (take(p, ","));
    return field_options(p, NULL) && want(p, ";");
}

static bool parse_value(struct parser *p, struct proto_type *t)
{
    struct proto_value *v;
    int64_t number;

    GROW(t->values, t->n_values, t->cap_values);
    v = &t->values[t->n_values];
    v->name = want_name(p);
    if (!v->name)
        return false;
    t->n_values++;
    if (!want(p, "=") || !want_int(p, &number))
        return false;
    if (number < INT32_MIN || number > INT32_MAX)
        return fail(p, "not a number of an enum");
    v->number = (int32_t)number;
    return field_options(p, NULL) && want(p, ";");
}

static bool parse_enum(struct parser *p, const char *scope)
{
    char *name = want_name(p);
    struct proto_type *t;
    bool ok = name && want(p, "{");

    if (ok) {
        t = type_new(p, scope, name);
        t->is_enum = true;
        while (ok && !take(p, "}"))
            ok = take(p, ";") ||
                 (take(p, "option")     ? option_statement(p, t)
                  : take(p, "reserved") ? parse_reserved(p, t, true)
                                        : parse_value(p, t));
    }
    mem_free(name);
    return ok;
}

static bool parse_message(struct parser *p, const char *scope);

static bool parse_member(struct parser *p, struct proto_type *t)
{
    if (take(p, ";"))
        return true;
    if (take(p, "message"))
        return parse_message(p, t->name);
    if (take(p, "enum"))
        return parse_enum(p, t->name);
    if (take(p, "option"))
        return option_statement(p, t);
    if (take(p, "oneof"))
        return parse_oneof(p, t);
    if (take(p, "map"))
        return parse_map(p, t);
    if (take(p, "reserved"))
        return parse_reserved(p, t, true);
    if (take(p, "extensions"))
        return parse_reserved(p, t, false);
    if (proto_lex_is(&p->l, "extend"))
        return fail(p, "extensions are not supported");
    return parse_field(p, t, 0);
}

static bool parse_message(struct parser *p, const char *scope)
{
    char *name = want_name(p);
    struct proto_type *t;
    bool ok = name && want(p, "{");

    if (ok && ++p->depth > PROTO_MAX_DEPTH)
        ok = fail(p, "messages are nested too deep");
    if (ok) {
        t = type_new(p, scope, name);
        while (ok && !take(p, "}"))
            ok = parse_member(p, t);
        if (p->depth-- == 1)
            p->s->root = t;
    }
    mem_free(name);
    return ok;
}

/* --- the file ------------------------------------------------------------- */

static bool parse_syntax(struct parser *p)
{
    if (take(p, "edition"))
        return fail(p, "editions are not supported: use proto2 or proto3");
    if (!take(p, "syntax"))
        return true;
    if (!want(p, "="))
        return false;
    if (p->l.kind != PROTO_T_STRING || (!str_eq(p->l.text, STR("proto2")) &&
                                        !str_eq(p->l.text, STR("proto3"))))
        return fail(p, "expected \"proto2\" or \"proto3\"");
    p->s->is_proto3 = str_eq(p->l.text, STR("proto3"));
    proto_lex_next(&p->l);
    return want(p, ";");
}

static bool parse_top(struct parser *p)
{
    if (take(p, ";"))
        return true;
    if (take(p, "option"))
        return option_statement(p, NULL);
    if (take(p, "package")) {
        mem_free(p->s->package);
        p->s->package = want_path(p);
        return p->s->package && want(p, ";");
    }
    if (proto_lex_is(&p->l, "import"))
        return fail(p, "import statements are not supported");
    if (take(p, "message")) {
        if (++p->n_top > 1)
            return fail(p, "only one top-level type may be defined");
        return parse_message(p, p->s->package ? p->s->package : "");
    }
    if (proto_lex_is(&p->l, "enum"))
        return fail(p, "only one top-level type may be defined: nest the enum");
    return fail(p, "expected a message");
}

static bool parse_file(struct parser *p)
{
    bool ok = parse_syntax(p);

    while (ok && p->l.kind != PROTO_T_END)
        ok = p->l.kind == PROTO_T_ERROR ? fail(p, "not a word of the language")
                                        : parse_top(p);
    return ok && (p->s->root || fail(p, "a message must be defined"));
}

int proto_parse(struct str text, struct proto_schema **out, struct err *err)
{
    struct proto_schema *s = MEM_NEW(struct proto_schema);
    struct parser p = {.s = s, .err = err};
    int rc;

    proto_lex_init(&p.l, text);
    rc = parse_file(&p) ? proto_link(s, err) : RC_INVALID;
    if (rc)
        proto_free(s);
    else
        *out = s;
    return rc;
}

static void type_free(struct proto_type *t)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        mem_free(t->fields[i].name);
        mem_free(t->fields[i].json_name);
        mem_free(t->fields[i].type_name);
    }
    for (size_t i = 0; i < t->n_values; i++)
        mem_free(t->values[i].name);
    for (size_t i = 0; i < t->n_reserved_names; i++)
        mem_free(t->reserved_names[i]);
    mem_free(t->fields);
    mem_free(t->values);
    mem_free(t->reserved);
    mem_free(t->reserved_names);
    mem_free(t->name);
    mem_free(t);
}

void proto_free(struct proto_schema *s)
{
    struct proto_type *next;

    if (!s)
        return;
    for (struct proto_type *t = s->types; t; t = next) {
        next = t->next;
        type_free(t);
    }
    mem_free(s->package);
    mem_free(s);
}
