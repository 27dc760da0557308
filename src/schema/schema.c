/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a table schema in BigQuery's JSON form and holds it to the rules that
 * the rest relies on: known types and modes, distinct names, `id` and
 * `timestamp` where they must be. */
#include "schema/schema.h"

#include <errno.h>
#include <jansson.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"

enum {
    FILE_MAX_BYTES = 4 * 1024 * 1024,
    DEPTH_MAX = 15,
    FIELDS_MAX = 10000
};

static const struct {
    const char *name, *alias;
} types[] = {
#define TYPE(name, alias, json, sqlite) {#name, alias},
#include "schema/types.def"
#undef TYPE
};

static const char *const modes[] = {"NULLABLE", "REQUIRED", "REPEATED"};

const char *schema_type_name(enum schema_type type)
{
    return types[type].name;
}

const char *schema_mode_name(enum schema_mode mode)
{
    return modes[mode];
}

int schema_find(const struct schema_field *fields, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(fields[i].name, name))
            return (int)i;
    }
    for (size_t i = 0; i < n; i++) {
        if (str_ieq(fields[i].name, name))
            return (int)i;
    }
    return -1;
}

static struct str own(const char *text)
{
    return str_from(mem_strdup(text));
}

static bool find_type(struct str text, enum schema_type *out)
{
    for (size_t i = 0; i < SCHEMA_N_TYPES; i++) {
        if (str_ieq(text, str_from(types[i].name)) ||
            str_ieq(text, str_from(types[i].alias))) {
            *out = (enum schema_type)i;
            return true;
        }
    }
    return false;
}

static bool find_mode(struct str text, enum schema_mode *out)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (str_ieq(text, str_from(modes[i]))) {
            *out = (enum schema_mode)i;
            return true;
        }
    }
    return false;
}

/* BigQuery's rule: a letter or underscore, then letters, digits, underscores;
 * at most 300 characters. Letters beyond ASCII are allowed there, and here. */
static bool is_name(struct str s)
{
    if (s.len == 0 || s.len > 300)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool letter =
            c == '_' || c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return true;
}

/* BigQuery prints these as strings ("maxLength": "20"), people write numbers.
 */
static bool read_parameter(const json_t *json, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(json, key);

    *out = 0;
    if (!v)
        return true;
    if (json_is_string(v) && !str_to_i64(str_from(json_string_value(v)), out))
        return false;
    if (json_is_integer(v))
        *out = json_integer_value(v);
    return *out >= 0 && (json_is_string(v) || json_is_integer(v));
}

static int parse_parameters(const json_t *json, const char *file,
                            struct schema_field *f, struct err *err)
{
    bool is_number = f->type == SCHEMA_NUMERIC || f->type == SCHEMA_BIGNUMERIC;
    bool has_length = f->type == SCHEMA_STRING || f->type == SCHEMA_BYTES;
    int64_t whole_max = f->type == SCHEMA_NUMERIC ? 29 : 38;
    int64_t scale_max = f->type == SCHEMA_NUMERIC ? 9 : 38;

    if (!read_parameter(json, "maxLength", &f->max_length) ||
        !read_parameter(json, "precision", &f->precision) ||
        !read_parameter(json, "scale", &f->scale) ||
        (f->max_length && !has_length) ||
        ((f->precision || f->scale) && !is_number) || f->scale > scale_max ||
        (f->scale && f->precision < f->scale) ||
        f->precision - f->scale > whole_max)
        return err_set(err, RC_INVALID,
                       "%s: field `%.*s` has a \"maxLength\", \"precision\" "
                       "or \"scale\" that %s does not take",
                       file, STR_ARG(f->name), types[f->type].name);
    return RC_OK;
}

static void fields_free(struct schema_field *fields, size_t n)
{
    for (size_t i = 0; fields && i < n; i++) {
        mem_free((char *)(uintptr_t)fields[i].name.p);
        mem_free((char *)(uintptr_t)fields[i].description.p);
        fields_free(fields[i].fields, fields[i].n_fields);
    }
    mem_free(fields);
}

static int parse_fields(const json_t *list, const char *file, int depth,
                        struct schema_field **out, size_t *n_out,
                        struct err *err);

static int parse_field(const json_t *json, const char *file, size_t i,
                       int depth, struct schema_field *f, struct err *err)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *type = json_string_value(json_object_get(json, "type"));
    const char *mode = json_string_value(json_object_get(json, "mode"));
    const char *text = json_string_value(json_object_get(json, "description"));
    const json_t *inner = json_object_get(json, "fields");

    if (!json_is_object(json))
        return err_set(err, RC_INVALID,
                       "%s: field %zu is no object: write "
                       "{\"name\":...,\"type\":...,\"mode\":...}",
                       file, i + 1);
    if (!name || !is_name(str_from(name)))
        return err_set(err, RC_INVALID,
                       "%s: field %zu needs a \"name\" of letters, digits and "
                       "underscores",
                       file, i + 1);
    if (!type || !find_type(str_from(type), &f->type))
        return err_set(err, RC_INVALID,
                       "%s: field `%s` has the unknown type `%s`: use a "
                       "BigQuery type such as STRING, INTEGER or TIMESTAMP",
                       file, name, type ? type : "");
    f->mode = SCHEMA_NULLABLE;
    if (mode && !find_mode(str_from(mode), &f->mode))
        return err_set(err, RC_INVALID,
                       "%s: field `%s` has the unknown mode `%s`: use "
                       "NULLABLE, REQUIRED or REPEATED",
                       file, name, mode);
    f->name = own(name);
    f->description = own(text ? text : "");
    if (parse_parameters(json, file, f, err) != RC_OK)
        return RC_INVALID;
    if (f->type != SCHEMA_RECORD)
        return RC_OK;
    if (json_array_size(inner) == 0)
        return err_set(err, RC_INVALID,
                       "%s: field `%s` is a RECORD and needs \"fields\"", file,
                       name);
    return parse_fields(inner, file, depth + 1, &f->fields, &f->n_fields, err);
}

static int parse_fields(const json_t *list, const char *file, int depth,
                        struct schema_field **out, size_t *n_out,
                        struct err *err)
{
    size_t n = json_array_size(list);
    struct schema_field *fields;

    if (!json_is_array(list) || n == 0 || n > FIELDS_MAX)
        return err_set(err, RC_INVALID,
                       "%s: a schema is a JSON array of 1 to %d fields", file,
                       FIELDS_MAX);
    if (depth > DEPTH_MAX)
        return err_set(err, RC_INVALID,
                       "%s: fields are nested more than %d levels deep", file,
                       DEPTH_MAX);
    fields = MEM_ARRAY(struct schema_field, n);
    for (size_t i = 0; i < n; i++) {
        int rc = parse_field(json_array_get(list, i), file, i, depth,
                             &fields[i], err);
        if (rc == RC_OK && schema_find(fields, i, fields[i].name) >= 0)
            rc = err_set(err, RC_EXISTS, "%s: field `%.*s` is named twice",
                         file, STR_ARG(fields[i].name));
        if (rc != RC_OK) {
            fields_free(fields, n);
            return rc;
        }
    }
    *out = fields;
    *n_out = n;
    return RC_OK;
}

static uint64_t hash_fields(uint64_t h, const struct schema_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h = h * 31 + str_hash(f[i].name);
        h = h * 31 + (uint64_t)f[i].type * 4 + (uint64_t)f[i].mode;
        h = hash_fields(h, f[i].fields, f[i].n_fields);
    }
    return h * 31 + n;
}

static void render_fields(const struct schema_field *f, size_t n,
                          struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        buf_json_str(out, f[i].name);
        buf_printf(out, ",\"type\":\"%s\",\"mode\":\"%s\"",
                   types[f[i].type].name, modes[f[i].mode]);
        if (f[i].max_length)
            buf_printf(out, ",\"maxLength\":\"%lld\"",
                       (long long)f[i].max_length);
        if (f[i].precision)
            buf_printf(out, ",\"precision\":\"%lld\",\"scale\":\"%lld\"",
                       (long long)f[i].precision, (long long)f[i].scale);
        if (f[i].type == SCHEMA_RECORD) {
            buf_puts(out, ",\"fields\":");
            render_fields(f[i].fields, f[i].n_fields, out);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void schema_render(const struct schema *schema, struct buf *out)
{
    render_fields(schema->fields, schema->n_fields, out);
}

static int check_ours(struct schema *s, const char *file, struct err *err)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } needed[] = {{"id", SCHEMA_STRING}, {"timestamp", SCHEMA_TIMESTAMP}};
    size_t *at[] = {&s->id, &s->timestamp};

    for (size_t i = 0; i < 2; i++) {
        int found =
            schema_find(s->fields, s->n_fields, str_from(needed[i].name));
        const struct schema_field *f = found < 0 ? NULL : &s->fields[found];
        if (!f || f->type != needed[i].type || f->mode != SCHEMA_REQUIRED)
            return err_set(err, RC_INVALID,
                           "%s: needs the field `%s` of type %s, mode REQUIRED",
                           file, needed[i].name,
                           schema_type_name(needed[i].type));
        *at[i] = (size_t)found;
    }
    return RC_OK;
}

int schema_parse(struct str text, const char *name, bool is_ours,
                 struct schema **out, struct err *err)
{
    json_error_t where;
    json_t *json = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &where);
    const json_t *list = json;
    struct schema *s;
    int rc;

    if (!json)
        return err_set(err, RC_MALFORMED, "%s:%d:%d: no valid JSON: %s", name,
                       where.line, where.column, where.text);
    if (json_is_object(json) && json_object_get(json, "schema"))
        list = json_object_get(json, "schema");
    if (json_is_object(list))
        list = json_object_get(list, "fields");
    s = MEM_NEW(struct schema);
    rc = parse_fields(list, name, 1, &s->fields, &s->n_fields, err);
    if (rc == RC_OK && is_ours)
        rc = check_ours(s, name, err);
    json_decref(json);
    if (rc != RC_OK) {
        schema_free(s);
        return rc;
    }
    s->version = hash_fields(17, s->fields, s->n_fields);
    *out = s;
    return RC_OK;
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
    int why = io_read_file(path, out);

    if (why == EFBIG)
        return err_set(err, RC_TOO_LARGE, "the schema file %s is over %d bytes",
                       path, FILE_MAX_BYTES);
    if (why)
        return err_set(err, RC_IO, "cannot read the schema file %s: %s", path,
                       strerror(why));
    return RC_OK;
}

int schema_load(const char *path, struct schema **out, struct err *err)
{
    struct buf text;
    int rc;

    if (!path || !*path)
        return schema_parse(schema_shipped(), "the shipped schema", true, out,
                            err);
    buf_init(&text, FILE_MAX_BYTES);
    rc = read_file(path, &text, err);
    if (rc == RC_OK)
        rc = schema_parse(buf_as_str(&text), path, true, out, err);
    buf_fini(&text);
    return rc;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    fields_free(schema->fields, schema->n_fields);
    mem_free(schema);
}
