/* SPDX-License-Identifier: Apache-2.0 */
/* What a new revision of a schema may change. */
#include "emulator/pubsub/proto_schema.h"

static int refuse(struct err *err, const char *what, const char *name)
{
    return err_set(err, RC_INVALID, "%s: %.200s", what, name);
}

static const struct proto_type *type_of(const struct proto_schema *s,
                                        const char *name)
{
    for (const struct proto_type *t = s->types; t; t = t->next)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

static const struct proto_field *field_of(const struct proto_type *t,
                                          uint32_t number)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (t->fields[i].number == number)
            return &t->fields[i];
    return NULL;
}

static bool is_same_type(const struct proto_field *a,
                         const struct proto_field *b)
{
    if (a->kind != b->kind || a->is_map != b->is_map)
        return false;
    if (a->is_map)
        return is_same_type(&a->type->fields[0], &b->type->fields[0]) &&
               is_same_type(&a->type->fields[1], &b->type->fields[1]);
    return !a->type || strcmp(a->type->name, b->type->name) == 0;
}

/* Fields of `t` that `other` lacks must be optional; those of both alike. */
static int check_fields(const struct proto_type *t,
                        const struct proto_type *other, struct err *err)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct proto_field *f = &t->fields[i];
        const struct proto_field *g = field_of(other, f->number);

        if (!g && f->label != PROTO_OPTIONAL)
            return refuse(err, "Only optional fields may be added or removed",
                          f->name);
        if (g && (f->label != g->label || strcmp(f->name, g->name) != 0 ||
                  !is_same_type(f, g)))
            return refuse(err, "An existing field may not be changed", f->name);
    }
    return RC_OK;
}

int proto_check_revision(const struct proto_schema *newer,
                         const struct proto_schema *older, struct err *err)
{
    if (strcmp(newer->root->name, older->root->name) != 0)
        return refuse(err, "The message's name may not be changed",
                      older->root->name);
    for (const struct proto_type *t = newer->types; t; t = t->next) {
        const struct proto_type *other = type_of(older, t->name);
        int rc;

        /* maps are compared where they are used */
        if (!other || strchr(t->name, '<'))
            continue;
        rc = check_fields(t, other, err);
        if (rc == RC_OK)
            rc = check_fields(other, t, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}
