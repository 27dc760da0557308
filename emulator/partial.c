/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of names; a leaf is all that stands below it. */
#include "emulator/partial.h"

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/transcode_priv.h"

enum {
    DEPTH_MAX = 16,
    TEXT_MAX = 4096
};

struct partial {
    char *name;
    struct partial *children, *next;
};

struct parser {
    struct str rest;
    unsigned depth;
    struct err *err;
};

static int fail(struct parser *p, const char *what)
{
    return err_set(p->err, RC_INVALID, "Invalid field selection: %s%s%.*s",
                   what, p->rest.len ? " at " : "",
                   p->rest.len > 60 ? 60 : (int)p->rest.len, p->rest.p);
}

void partial_free(struct partial *p)
{
    while (p) {
        struct partial *next = p->next;

        partial_free(p->children);
        mem_free(p->name);
        mem_free(p);
        p = next;
    }
}

static struct partial *find(struct partial *list, struct str name)
{
    while (list && !str_eq(str_from(list->name), name))
        list = list->next;
    return list;
}

static bool accept(struct parser *p, char c)
{
    if (!p->rest.len || *p->rest.p != c)
        return false;
    p->rest = str_of(p->rest.p + 1, p->rest.len - 1);
    return true;
}

static struct str take_name(struct parser *p)
{
    size_t n = 0;
    struct str name;

    while (n < p->rest.len && !strchr(",/.()", p->rest.p[n]))
        n++;
    name = str_of(p->rest.p, n);
    p->rest = str_of(p->rest.p + n, p->rest.len - n);
    return str_trim(name);
}

static int parse_list(struct parser *p, struct partial *parent);

/* One path into `parent`. What was asked for whole before stays whole. */
static int parse_path(struct parser *p, struct partial *parent)
{
    struct str name = take_name(p);
    struct partial *node = find(parent->children, name);
    bool is_old = node != NULL, was_whole = node && !node->children;
    int rc = RC_OK;

    if (!name.len)
        return fail(p, "a name is missing");
    if (!node) {
        node = MEM_NEW(struct partial);
        node->name = mem_strndup(name.p, name.len);
        node->next = parent->children;
        parent->children = node;
    }
    if (++p->depth > DEPTH_MAX)
        return fail(p, "nested too deep");
    if (accept(p, '/') || accept(p, '.')) {
        rc = parse_path(p, node);
    } else if (accept(p, '(')) {
        rc = parse_list(p, node);
        if (rc == RC_OK && !accept(p, ')'))
            rc = fail(p, "\")\" is missing");
    } else {
        was_whole = is_old = true;
    }
    p->depth--;
    if (is_old && was_whole) {
        partial_free(node->children);
        node->children = NULL;
    }
    return rc;
}

static int parse_list(struct parser *p, struct partial *parent)
{
    int rc;

    do
        rc = parse_path(p, parent);
    while (rc == RC_OK && accept(p, ','));
    return rc;
}

int partial_parse(struct str text, struct partial **out, struct err *err)
{
    struct parser p = {.rest = text, .err = err};
    struct partial *root;
    int rc;

    if (text.len > TEXT_MAX)
        return err_set(err, RC_INVALID,
                       "Invalid field selection: more than %d bytes", TEXT_MAX);
    root = MEM_NEW(struct partial);
    rc = parse_list(&p, root);
    if (rc == RC_OK && p.rest.len)
        rc = fail(&p, "this is too much");
    if (rc)
        partial_free(root);
    else
        *out = root;
    return rc;
}

/* --- against a message ---------------------------------------------------- */

static const ProtobufCMessageDescriptor *
inside(const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *type = f->descriptor;

    if (f->type != PROTOBUF_C_TYPE_MESSAGE || transcode_known(type))
        return NULL;
    return type;
}

static int check(const struct partial *p,
                 const ProtobufCMessageDescriptor *type, const char *above,
                 struct err *err);

static int check_field(const struct partial *node,
                       const ProtobufCFieldDescriptor *f, const char *path,
                       struct err *err)
{
    if (!node->children || transcode_is_map(f))
        return RC_OK; /* a map's names are its own */
    if (inside(f))
        return check(node, inside(f), path, err);
    return err_set(err, RC_INVALID,
                   "Error expanding 'fields' parameter. Cannot find matching "
                   "fields for path '%s.%s'.",
                   path, node->children->name);
}

/* A star's names must be those of one field at least. */
static int check_star(const struct partial *node,
                      const ProtobufCMessageDescriptor *type, const char *path,
                      struct err *err)
{
    int rc = RC_OK;

    for (unsigned i = 0; i < type->n_fields; i++) {
        rc = check_field(node, &type->fields[i], path, err);
        if (rc == RC_OK)
            return RC_OK;
    }
    return rc;
}

static int check(const struct partial *p,
                 const ProtobufCMessageDescriptor *type, const char *above,
                 struct err *err)
{
    const struct partial *star = find(p->children, STR("*"));
    int rc = RC_OK;

    if (star && star->children && p->children->next)
        return err_set(err, RC_INVALID,
                       "Invalid field selection: \"*\" with fields of its own "
                       "cannot stand beside other names.");
    for (const struct partial *node = p->children; node && rc == RC_OK;
         node = node->next) {
        char *path = mem_printf("%s%s%s", above, *above ? "." : "", node->name);
        const ProtobufCFieldDescriptor *f =
            transcode_field(type, str_from(node->name));

        if (strcmp(node->name, "*") == 0)
            rc = check_star(node, type, path, err);
        else if (f)
            rc = check_field(node, f, path, err);
        else
            rc = err_set(err, RC_INVALID,
                         "Error expanding 'fields' parameter. Cannot find "
                         "matching fields for path '%s'.",
                         path);
        mem_free(path);
    }
    return rc;
}

int partial_check(const struct partial *p,
                  const ProtobufCMessageDescriptor *type, struct err *err)
{
    return check(p, type, "", err);
}

/* Names may be given in snake case as well. */
static bool is_named(const struct partial *node, struct str name)
{
    struct buf camel;
    bool same;

    if (str_eq(str_from(node->name), name))
        return true;
    buf_init(&camel, SIZE_MAX / 4);
    transcode_camel(&camel, str_from(node->name));
    same = str_eq(buf_as_str(&camel), name);
    buf_fini(&camel);
    return same;
}

bool partial_has(const struct partial *p, struct str name,
                 const struct partial **inner)
{
    const struct partial *found = NULL, *star;

    *inner = NULL;
    if (!p)
        return true;
    star = find(p->children, STR("*"));
    for (const struct partial *node = p->children; node && !found;
         node = node->next)
        if (is_named(node, name))
            found = node;
    if (star && (!found || !star->children))
        found = star;
    if (found && found->children)
        *inner = found;
    return found != NULL;
}
