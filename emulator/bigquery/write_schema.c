/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/write_schema.h"

#include <stdio.h>

#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/member.h"

enum {
    PATH_BYTES = 320
};

/* --- schemaUpdateOptions -------------------------------------------------- */

static json_t *field_of(const json_t *fields, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach(fields, i, one)
    {
        const char *its = member_text(one, "name");

        if (its && name && strcasecmp(its, name) == 0)
            return one;
    }
    return NULL;
}

/* A REQUIRED field that the rows' schema does not require. */
static bool relax(json_t *ours, const json_t *theirs)
{
    const char *mode = member_text(ours, "mode");
    const char *wanted = member_text(theirs, "mode");

    if (!mode || strcmp(mode, "REQUIRED") != 0 ||
        (wanted && strcmp(wanted, "REQUIRED") == 0))
        return false;
    json_object_set_new(ours, "mode", json_string("NULLABLE"));
    return true;
}

bool write_schema_widen(json_t *ours, const json_t *theirs,
                        struct write_may may)
{
    const json_t *field;
    bool changed = false;
    size_t i;

    json_array_foreach(theirs, i, field)
    {
        json_t *mine = field_of(ours, member_text(field, "name"));
        json_t *inner = json_object_get(mine, "fields");

        if (!mine && may.add) {
            json_array_append_new(ours, json_deep_copy(field));
            changed = true;
        }
        if (mine && may.relax)
            changed |= relax(mine, field);
        if (json_is_array(inner))
            changed |= write_schema_widen(
                inner, json_object_get(field, "fields"), may);
    }
    return changed;
}

/* --- does it fit? --------------------------------------------------------- */

static int misfit(const struct table *t, struct fail *f, const char *what)
{
    return fail_set(f, "invalid",
                    "Provided Schema does not match Table %s:%s.%s. %s",
                    t->project.p, t->dataset.p, t->name.p, what);
}

static const char *mode_of(const struct sql_column *c)
{
    return c->type->kind == T_ARRAY ? "REPEATED"
           : c->required            ? "REQUIRED"
                                    : "NULLABLE";
}

static enum sql_type_kind kind_of(const struct sql_column *c)
{
    return c->type->kind == T_ARRAY ? c->type->elem->kind : c->type->kind;
}

static int check_list(const struct table *t, const char *path,
                      const struct sql_column *ours, size_t n_ours,
                      const struct sql_column *theirs, size_t n,
                      struct fail *f);

static int check_one(const struct table *t, const char *path,
                     const struct sql_column *ours,
                     const struct sql_column *theirs, struct fail *f)
{
    bool is_array = ours->type->kind == T_ARRAY;
    char what[PATH_BYTES + 120];

    if (kind_of(ours) != kind_of(theirs)) {
        snprintf(what, sizeof(what), "Field %s has changed type from %s to %s",
                 path, type_legacy_name(kind_of(ours)),
                 type_legacy_name(kind_of(theirs)));
        return misfit(t, f, what);
    }
    if (is_array != (theirs->type->kind == T_ARRAY) ||
        (ours->required && !theirs->required)) {
        snprintf(what, sizeof(what), "Field %s has changed mode from %s to %s",
                 path, mode_of(ours), mode_of(theirs));
        return misfit(t, f, what);
    }
    return check_list(t, path, ours->fields, ours->n_fields, theirs->fields,
                      theirs->n_fields, f);
}

/* `path` of the record they are in; empty: columns. */
static int check_list(const struct table *t, const char *path,
                      const struct sql_column *ours, size_t n_ours,
                      const struct sql_column *theirs, size_t n, struct fail *f)
{
    char one[PATH_BYTES], what[PATH_BYTES + 120];
    const char *dot = *path ? "." : "";

    for (size_t i = 0; i < n; i++) {
        int at = fields_find(ours, n_ours, theirs[i].name), rc;

        snprintf(one, sizeof(one), "%s%s%.*s", path, dot,
                 STR_ARG(theirs[i].name));
        if (at < 0) {
            snprintf(what, sizeof(what), "Cannot add fields (field: %s)", one);
            return misfit(t, f, what);
        }
        rc = check_one(t, one, &ours[at], &theirs[i], f);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < n_ours; i++) {
        if (!ours[i].required || fields_find(theirs, n, ours[i].name) >= 0)
            continue;
        snprintf(what, sizeof(what), "Field %s%s%.*s is missing in new schema",
                 path, dot, STR_ARG(ours[i].name));
        return misfit(t, f, what);
    }
    return RC_OK;
}

int write_schema_check(const struct table *t, const struct sql_column *columns,
                       size_t n, struct fail *f)
{
    return check_list(t, "", t->columns, t->n_columns, columns, n, f);
}
