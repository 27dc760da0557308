/* SPDX-License-Identifier: Apache-2.0 */
/* The one form that policies with the same grants have, and what of it readers
 * of version 1 see. */
#include <ctype.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/pubsub/policy_check.h"

bool policy_has_conditions(const Google__Iam__V1__Policy *policy)
{
    for (size_t i = 0; i < policy->n_bindings; i++)
        if (policy->bindings[i]->condition)
            return true;
    return false;
}

/* Addresses are the same in any case, and are written small. */
static bool is_address(struct str type)
{
    return str_eq(type, STR("user")) || str_eq(type, STR("group")) ||
           str_eq(type, STR("serviceAccount")) || str_eq(type, STR("domain"));
}

static char *normal_member(const char *member)
{
    char *copy = mem_strdup(member);
    struct str rest = str_from(copy), type = str_cut(&rest, ':');

    if (rest.p && is_address(type))
        for (char *p = copy + type.len; *p; p++)
            *p = (char)tolower((uint8_t)*p);
    return copy;
}

static Google__Type__Expr *copy_condition(const Google__Type__Expr *c)
{
    Google__Type__Expr *copy;

    if (!c)
        return NULL;
    copy = MEM_NEW(Google__Type__Expr);
    google__type__expr__init(copy);
    copy->expression = mem_strdup(c->expression);
    copy->title = mem_strdup(c->title);
    copy->description = mem_strdup(c->description);
    copy->location = mem_strdup(c->location);
    return copy;
}

static int compare_conditions(const Google__Type__Expr *a,
                              const Google__Type__Expr *b)
{
    int by;

    if (!a || !b)
        return (a != NULL) - (b != NULL);
    by = strcmp(a->title, b->title);
    by = by ? by : strcmp(a->expression, b->expression);
    by = by ? by : strcmp(a->description, b->description);
    return by ? by : strcmp(a->location, b->location);
}

static int compare_bindings(const void *a, const void *b)
{
    const Google__Iam__V1__Binding *x = *(Google__Iam__V1__Binding *const *)a;
    const Google__Iam__V1__Binding *y = *(Google__Iam__V1__Binding *const *)b;
    int by = strcmp(x->role, y->role);

    return by ? by : compare_conditions(x->condition, y->condition);
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static Google__Iam__V1__Binding *
binding_for(Google__Iam__V1__Policy *out, const Google__Iam__V1__Binding *like)
{
    Google__Iam__V1__Binding *b;

    for (size_t i = 0; i < out->n_bindings; i++)
        if (compare_bindings(&out->bindings[i], &like) == 0)
            return out->bindings[i];
    b = MEM_NEW(Google__Iam__V1__Binding);
    google__iam__v1__binding__init(b);
    b->role = mem_strdup(like->role);
    b->condition = copy_condition(like->condition);
    out->bindings[out->n_bindings++] = b;
    return b;
}

static void add_members(Google__Iam__V1__Binding *to,
                        const Google__Iam__V1__Binding *from)
{
    size_t n = to->n_members + from->n_members, kept = 0;

    to->members = mem_realloc(to->members, n * sizeof(char *));
    for (size_t i = 0; i < from->n_members; i++)
        to->members[to->n_members++] = normal_member(from->members[i]);
    qsort(to->members, n, sizeof(char *), compare_members);
    for (size_t i = 0; i < n; i++)
        if (kept && strcmp(to->members[kept - 1], to->members[i]) == 0)
            mem_free(to->members[i]);
        else
            to->members[kept++] = to->members[i];
    to->n_members = kept;
}

Google__Iam__V1__Policy *policy_normal(const Google__Iam__V1__Policy *policy)
{
    Google__Iam__V1__Policy *out = MEM_NEW(Google__Iam__V1__Policy);

    google__iam__v1__policy__init(out);
    if (policy->n_bindings)
        out->bindings =
            MEM_ARRAY(Google__Iam__V1__Binding *, policy->n_bindings);
    for (size_t i = 0; i < policy->n_bindings; i++)
        if (policy->bindings[i]->n_members)
            add_members(binding_for(out, policy->bindings[i]),
                        policy->bindings[i]);
    if (out->n_bindings)
        qsort(out->bindings, out->n_bindings, sizeof(*out->bindings),
              compare_bindings);
    out->version = policy_has_conditions(out) ? POLICY_CONDITIONS : 1;
    if (policy->etag.len) {
        out->etag.data = mem_dup(policy->etag.data, policy->etag.len);
        out->etag.len = policy->etag.len;
    }
    return out;
}

/* --- older readers -------------------------------------------------------- */

void policy_hide_conditions(Google__Iam__V1__Policy *policy)
{
    for (size_t i = 0; i < policy->n_bindings; i++) {
        Google__Iam__V1__Binding *b = policy->bindings[i];
        struct buf all;
        char *role;

        if (!b->condition)
            continue;
        buf_init(&all, SIZE_MAX / 4);
        buf_printf(&all, "%s\n%s\n%s\n%s", b->condition->title,
                   b->condition->expression, b->condition->description,
                   b->condition->location);
        /* twenty digits, as production's */
        role = mem_printf("%s" POLICY_WITH_CONDITION "%016llx%04x", b->role,
                          (unsigned long long)str_hash(buf_as_str(&all)),
                          (unsigned)all.len & 0xffff);
        buf_fini(&all);
        mem_free(b->role);
        b->role = role;
        google__type__expr__free_unpacked(b->condition, NULL);
        b->condition = NULL;
    }
    policy->version = 1;
}
