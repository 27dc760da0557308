/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/fields.h"

#include "common/mem.h"
#include "emulator/bigquery/member.h"

enum {
    DEPTH_MAX = 15, /* levels of RECORD (page "Quotas") */
    NAME_MAX_BYTES = 300,
    COLUMNS_MAX = 2000 /* SQLite's; BigQuery has 10,000 */
};

int fields_find(const struct sql_column *columns, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieq(columns[i].name, name))
            return (int)i;
    return -1;
}

static int check_name(struct str name, struct fail *f)
{
    if (!name.len)
        return fail_set(f, "invalid", "Field name cannot be empty.");
    if (name.len > NAME_MAX_BYTES)
        return fail_set(f, "invalid",
                        "Invalid field name \"%.*s\". Fields must be at most "
                        "%d characters long.",
                        60, name.p, NAME_MAX_BYTES);
    if (strpbrk(name.p, "!\"$()*,./;?@[\\]^`{}~"))
        return fail_set(f, "invalid",
                        "Invalid field name \"%.*s\". Fields must contain "
                        "only letters, numbers, and underscores, start with a "
                        "letter or underscore, and be at most %d characters "
                        "long.",
                        STR_ARG(name), NAME_MAX_BYTES);
    if (name_is_reserved(name))
        return fail_set(f, "invalid",
                        "Invalid field name \"%.*s\". Field names are not "
                        "allowed to start with the (case-insensitive) "
                        "prefixes _PARTITION, _TABLE_, _FILE_, "
                        "_ROW_TIMESTAMP, __ROOT__ and _COLIDENTIFIER",
                        STR_ARG(name));
    return RC_OK;
}

static const char *text(struct arena *mem, const json_t *field,
                        const char *name)
{
    const char *v = json_string_value(json_object_get(field, name));

    return v ? arena_strndup(mem, v, strlen(v)) : NULL;
}

/* Nobody is kept from a column here; but who set them finds them again. */
static const char *policy_tags(struct arena *mem, const json_t *field)
{
    const json_t *tags = json_object_get(field, "policyTags");
    char *json;
    const char *kept;

    if (!json_array_size(json_object_get(tags, "names")))
        return NULL;
    json = json_dumps(tags, JSON_COMPACT);
    kept = arena_strndup(mem, json, strlen(json));
    mem_free(json);
    return kept;
}

static int parse_list(const json_t *list, struct arena *mem, int depth,
                      struct sql_column **out, size_t *n, struct fail *f);

/* The type without its mode. */
static int parse_type(const json_t *field, struct arena *mem, int depth,
                      struct sql_column *c, struct fail *f)
{
    const char *name = json_string_value(json_object_get(field, "type"));
    enum sql_type_kind kind = type_by_name(str_from(name ? name : ""));
    struct sql_column *inner = NULL;
    struct sql_field *types;
    int rc;

    if (!name)
        return fail_set(f, "invalid", "Field %.*s is missing type",
                        STR_ARG(c->name));
    if (kind == T_N || kind == T_ARRAY || kind == T_NULLTYPE) {
        if (!strcasecmp(name, "GEOGRAPHY") || !strcasecmp(name, "RANGE"))
            return fail_set(f, "notImplemented",
                            "The emulator has no type %s (field %.*s)", name,
                            STR_ARG(c->name));
        return fail_set(f, "invalid",
                        "Invalid value for type: %.60s is not a valid value",
                        name);
    }
    if (kind != T_STRUCT) {
        c->type = type_scalar(kind);
        return RC_OK;
    }
    if (depth == DEPTH_MAX)
        return fail_set(f, "invalid", "Too many nested fields: %.*s",
                        STR_ARG(c->name));
    rc = parse_list(json_object_get(field, "fields"), mem, depth + 1, &inner,
                    &c->n_fields, f);
    if (rc)
        return rc;
    if (!inner || !c->n_fields)
        return fail_set(f, "invalid",
                        "Field %.*s is type RECORD but has no schema",
                        STR_ARG(c->name));
    c->fields = inner;
    types = ARENA_ARRAY(mem, struct sql_field, c->n_fields);
    for (size_t i = 0; i < c->n_fields; i++)
        types[i] = (struct sql_field){inner[i].name, inner[i].type};
    c->type = type_struct(mem, types, c->n_fields);
    return RC_OK;
}

static int parse_mode(const json_t *field, struct arena *mem,
                      struct sql_column *c, struct fail *f)
{
    const char *mode = json_string_value(json_object_get(field, "mode"));

    if (!mode || !*mode || !strcasecmp(mode, "NULLABLE"))
        return RC_OK;
    if (!strcasecmp(mode, "REQUIRED"))
        c->required = true;
    else if (!strcasecmp(mode, "REPEATED"))
        c->type = type_array(mem, c->type);
    else
        return fail_set(f, "invalid",
                        "Invalid value for mode: %.60s is not a valid value",
                        mode);
    return RC_OK;
}

static int parse_one(const json_t *field, struct arena *mem, int depth,
                     struct sql_column *c, struct fail *f)
{
    const char *name = text(mem, field, "name");
    const char *about = text(mem, field, "description");
    int rc;

    c->name = str_from(name ? name : "");
    rc = check_name(c->name, f);
    if (rc == RC_OK)
        rc = parse_type(field, mem, depth, c, f);
    if (rc == RC_OK)
        rc = parse_mode(field, mem, c, f);
    if (rc)
        return rc;
    c->description = str_from(about);
    c->default_sql = text(mem, field, "defaultValueExpression");
    c->policy_tags = policy_tags(mem, field);
    c->max_length = member_number(field, "maxLength");
    c->precision = (int)member_number(field, "precision");
    c->scale = (int)member_number(field, "scale");
    return RC_OK;
}

static int parse_list(const json_t *list, struct arena *mem, int depth,
                      struct sql_column **out, size_t *n, struct fail *f)
{
    size_t count = json_array_size(list);
    struct sql_column *columns;

    if (list && !json_is_array(list))
        return fail_set(f, "invalid", "The schema's fields must be an array");
    if (count > COLUMNS_MAX)
        return fail_set(f, "invalid",
                        "Too many columns: the emulator holds %d a table",
                        COLUMNS_MAX);
    columns = ARENA_ARRAY(mem, struct sql_column, count + 1);
    for (size_t i = 0; i < count; i++) {
        int rc = parse_one(json_array_get(list, i), mem, depth, &columns[i], f);

        if (rc)
            return rc;
        if (fields_find(columns, i, columns[i].name) >= 0)
            return fail_set(f, "invalid", "Field %.*s already exists in schema",
                            STR_ARG(columns[i].name));
    }
    *out = columns;
    *n = count;
    return RC_OK;
}

int fields_parse(const json_t *schema, struct arena *mem,
                 struct sql_column **out, size_t *n, struct fail *f)
{
    return parse_list(json_object_get(schema, "fields"), mem, 0, out, n, f);
}

const struct sql_column *fields_of(const struct sql_column *c,
                                   struct arena *mem, size_t *n)
{
    const struct sql_type *t = c->type;
    struct sql_column *made;

    if (t->kind == T_ARRAY)
        t = t->elem;
    *n = t->kind == T_STRUCT ? t->n_fields : 0;
    if (c->fields || !*n)
        return c->fields;
    made = ARENA_ARRAY(mem, struct sql_column, *n);
    for (size_t i = 0; i < *n; i++) {
        made[i].name = t->fields[i].name;
        made[i].type = t->fields[i].type;
    }
    return made;
}

static json_t *list_json(const struct sql_column *columns, size_t n,
                         struct arena *mem);

static json_t *one_json(const struct sql_column *c, struct arena *mem,
                        size_t at)
{
    const struct sql_type *t = c->type;
    bool repeated = t->kind == T_ARRAY;
    const struct sql_column *inner;
    json_t *field = json_object();
    size_t n;

    if (repeated)
        t = t->elem;
    json_object_set_new(field, "name",
                        c->name.len ? json_stringn(c->name.p, c->name.len)
                                    : json_sprintf("_field_%zu", at + 1));
    json_object_set_new(field, "type", json_string(type_legacy_name(t->kind)));
    json_object_set_new(field, "mode",
                        json_string(repeated      ? "REPEATED"
                                    : c->required ? "REQUIRED"
                                                  : "NULLABLE"));
    if (c->description.len)
        json_object_set_new(field, "description",
                            json_stringn(c->description.p, c->description.len));
    if (c->default_sql)
        json_object_set_new(field, "defaultValueExpression",
                            json_string(c->default_sql));
    if (c->policy_tags)
        json_object_set_new(field, "policyTags",
                            json_loads(c->policy_tags, 0, NULL));
    if (c->max_length)
        json_object_set_new(field, "maxLength",
                            json_sprintf("%lld", (long long)c->max_length));
    if (c->precision)
        json_object_set_new(field, "precision",
                            json_sprintf("%d", c->precision));
    if (c->scale)
        json_object_set_new(field, "scale", json_sprintf("%d", c->scale));
    inner = fields_of(c, mem, &n);
    if (n)
        json_object_set_new(field, "fields", list_json(inner, n, mem));
    return field;
}

static json_t *list_json(const struct sql_column *columns, size_t n,
                         struct arena *mem)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        if (!columns[i].hidden)
            json_array_append_new(list, one_json(&columns[i], mem, i));
    return list;
}

json_t *fields_json(const struct sql_column *columns, size_t n)
{
    struct arena mem;
    json_t *schema;

    arena_init(&mem);
    schema = json_pack("{s:o}", "fields", list_json(columns, n, &mem));
    arena_fini(&mem);
    return schema;
}
