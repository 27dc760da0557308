/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/seed_yaml.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/mem.h"
#include "common/rc.h"
#include "common/str.h"

enum {
    DEPTH_MAX = 64
};

struct reader {
    yaml_document_t doc;
    const char *path;
    struct err *err;
};

static json_t *wrong(struct reader *r, const yaml_node_t *at, const char *what)
{
    err_set(r->err, RC_INVALID, "--data-from-yaml: %s: line %zu: %s", r->path,
            at ? at->start_mark.line + 1 : 1, what);
    return NULL;
}

/* --- YAML to JSON --------------------------------------------------------- */

/* YAML 1.2's core schema, as far as JSON has the type; quoted is text. */
static json_t *plain(const char *text)
{
    static const struct {
        const char *text;
        int kind;
    } words[] = {{"", 0},      {"~", 0},     {"null", 0}, {"Null", 0},
                 {"NULL", 0},  {"true", 1},  {"True", 1}, {"TRUE", 1},
                 {"false", 2}, {"False", 2}, {"FALSE", 2}};
    size_t len = strlen(text);
    char *end;
    double d;
    int64_t i;

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
        if (strcmp(words[k].text, text) == 0)
            return words[k].kind == 0   ? json_null()
                   : words[k].kind == 1 ? json_true()
                                        : json_false();
    }
    if (str_to_i64(str_from(text), &i) && (text[0] != '0' || len == 1))
        return json_integer(i);
    /* not hexadecimal, infinities or dates: those stay texts */
    if (strspn(text, "+-.0123456789eE") == len && strpbrk(text, "0123456789")) {
        errno = 0;
        d = strtod(text, &end);
        if (*end == '\0' && errno == 0 && strpbrk(text, ".eE"))
            return json_real(d);
    }
    return json_string(text);
}

static json_t *to_json(struct reader *r, int index, int depth);

static json_t *sequence(struct reader *r, const yaml_node_t *n, int depth)
{
    json_t *list = json_array();

    for (yaml_node_item_t *i = n->data.sequence.items.start;
         i < n->data.sequence.items.top; i++) {
        json_t *item = to_json(r, *i, depth + 1);

        if (!item) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *mapping(struct reader *r, const yaml_node_t *n, int depth)
{
    json_t *object = json_object();

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
         p < n->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        const char *name = key->type == YAML_SCALAR_NODE
                               ? (const char *)key->data.scalar.value
                               : NULL;
        json_t *value;

        if (!name || json_object_get(object, name)) {
            json_decref(object);
            return wrong(r, key,
                         name ? "a key stands here twice"
                              : "a key must be a word");
        }
        value = to_json(r, p->value, depth + 1);
        if (!value || json_object_set_new(object, name, value)) {
            json_decref(object);
            return value ? wrong(r, key, "the key is not valid UTF-8") : NULL;
        }
    }
    return object;
}

static json_t *to_json(struct reader *r, int index, int depth)
{
    const yaml_node_t *n = yaml_document_get_node(&r->doc, index);
    const char *text;
    json_t *value;

    if (!n || depth > DEPTH_MAX)
        return wrong(r, n, "nested too deeply");
    if (n->type == YAML_SEQUENCE_NODE)
        return sequence(r, n, depth);
    if (n->type == YAML_MAPPING_NODE)
        return mapping(r, n, depth);
    text = (const char *)n->data.scalar.value;
    value = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
                ? plain(text)
                : json_stringn(text, n->data.scalar.length);
    return value ? value : wrong(r, n, "a value is not valid UTF-8");
}

/* --- goccy's form to ours ------------------------------------------------- */

static void rename_member(json_t *o, const char *from, const char *to)
{
    json_t *value = json_object_get(o, from);

    if (!value)
        return;
    json_object_set(o, to, value);
    json_object_del(o, from);
}

static json_t *form_table(json_t *table)
{
    json_t *columns = json_object_get(table, "columns");

    rename_member(table, "id", "tableId");
    rename_member(table, "data", "rows");
    if (columns) {
        json_object_set_new(table, "schema",
                            json_pack("{s:O}", "fields", columns));
        json_object_del(table, "columns");
    }
    return table;
}

static json_t *form_projects(struct reader *r, const json_t *root)
{
    json_t *sets = json_array(), *project, *dataset, *table;
    const json_t *projects = json_object_get(root, "projects");
    size_t i, k, t;

    if (!json_is_array(projects)) {
        json_decref(sets);
        return wrong(r, yaml_document_get_root_node(&r->doc),
                     "`projects:`, a list of projects with `id` and "
                     "`datasets`, is wanted");
    }
    json_array_foreach(projects, i, project)
    {
        json_t *set = json_object();

        json_array_foreach(json_object_get(project, "datasets"), k, dataset)
        {
            rename_member(dataset, "id", "datasetId");
            json_array_foreach(json_object_get(dataset, "tables"), t, table)
                form_table(table);
        }
        json_object_set(set, "project", json_object_get(project, "id"));
        json_object_set(set, "datasets", json_object_get(project, "datasets"));
        json_array_append_new(sets, set);
    }
    return sets;
}

static char *read_document(struct reader *r)
{
    json_t *root = NULL, *sets = NULL;
    char *text = NULL;

    if (!yaml_document_get_root_node(&r->doc))
        wrong(r, NULL, "the file is empty");
    else
        root = to_json(r, 1, 0);
    if (root)
        sets = form_projects(r, root);
    if (sets)
        text = json_dumps(sets, JSON_COMPACT);
    json_decref(root);
    json_decref(sets);
    return text;
}

char *seed_yaml_read(const char *path, struct err *err)
{
    struct reader r = {.path = path, .err = err};
    yaml_parser_t parser;
    char *text = NULL;
    FILE *f = fopen(path, "rb");

    if (!f) {
        err_set(err, RC_IO, "--data-from-yaml: %s: %s", path, strerror(errno));
        return NULL;
    }
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_file(&parser, f);
        if (yaml_parser_load(&parser, &r.doc)) {
            text = read_document(&r);
            yaml_document_delete(&r.doc);
        } else {
            err_set(err, RC_INVALID, "--data-from-yaml: %s: line %zu: %s", path,
                    parser.problem_mark.line + 1,
                    parser.problem ? parser.problem : "cannot be read");
        }
        yaml_parser_delete(&parser);
    }
    fclose(f);
    return text;
}
