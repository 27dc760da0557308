/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/shape.h"

#include <stdio.h>
#include <string.h>

#include "common/str.h"

enum {
    DEPTH_MAX = 32, /* of types within types; BigQuery: 15 */
    PATH_MAX_BYTES = 160
};

struct member {
    const char *message, *name, *type;
};

static const struct member members[] = {
#define MEMBER(message, name, type) {message, name, type},
#include "emulator/bigquery/shape.def"
#undef MEMBER
};

struct check {
    struct fail *f;
    char path[PATH_MAX_BYTES];
    int depth;
};

static int check_object(struct check *c, const json_t *object,
                        const char *message);

static const struct member *find(const char *message, const char *name)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].message, message) == 0 &&
            strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

/* The path with one name more, in the form of Google's errors: timePartitioning
 * is `time_partitioning` there. Returns the length to cut it back to. */
static size_t enter(struct check *c, const char *name)
{
    size_t was = strlen(c->path), n = was;

    if (n && n + 1 < sizeof(c->path))
        c->path[n++] = '.';
    for (; *name && n + 2 < sizeof(c->path); name++) {
        bool big = *name >= 'A' && *name <= 'Z';

        if (big)
            c->path[n++] = '_';
        c->path[n++] = big ? (char)(*name | 0x20) : *name;
    }
    c->path[n] = '\0';
    return was;
}

static int bad_value(struct check *c, const char *why)
{
    return fail_set(c->f, "badRequest",
                    "Invalid JSON payload received. Invalid value at '%s': %s",
                    c->path, why);
}

/* What asks for nothing. */
static bool is_empty(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) ||
           (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static int not_here(struct check *c, const char *name, const char *value)
{
    return fail_set(c->f, "notImplemented",
                    "The emulator does not carry out %s%s%s: leave it out",
                    name, value ? " " : "", value ? value : "");
}

/* "A|B|!C": A and B are carried out, C is known. */
static int check_word(struct check *c, const json_t *v, const struct member *m)
{
    const char *text = json_string_value(v);
    struct str rest = str_from(m->type);

    if (!text)
        return bad_value(c, "a text is wanted");
    while (rest.p && rest.len) {
        struct str one = str_cut(&rest, '|');
        bool known = one.len && one.p[0] == '!';

        if (known)
            one = str_of(one.p + 1, one.len - 1);
        if (str_eq(one, str_from(text)))
            return known ? not_here(c, m->name, text) : RC_OK;
    }
    return fail_set(c->f, "invalid",
                    "Invalid value for %s: %.80s is not a valid value", m->name,
                    text);
}

/* "[Shape]", "[A|B]", "[]": of anything. */
static int check_list(struct check *c, const json_t *v, const struct member *m)
{
    struct member of = *m;
    char type[64];
    const json_t *one;
    size_t i;
    int rc = RC_OK;

    if (!json_is_array(v))
        return bad_value(c, "a list is wanted");
    snprintf(type, sizeof(type), "%.*s", (int)strlen(m->type) - 2, m->type + 1);
    of.type = type;
    json_array_foreach(v, i, one)
    {
        if (rc == RC_OK && strchr(type, '|'))
            rc = check_word(c, one, &of);
        else if (rc == RC_OK && type[0])
            rc = check_object(c, one, type);
    }
    return rc;
}

static int check_member(struct check *c, const json_t *v,
                        const struct member *m)
{
    const char *type = m->type;

    if (json_is_null(v) || type[0] == '?')
        return RC_OK;
    if (type[0] == '!')
        return is_empty(v) ? RC_OK : not_here(c, m->name, NULL);
    if (type[0] == '[')
        return check_list(c, v, m);
    if (strcmp(type, "{}") == 0)
        return json_is_object(v) ? RC_OK : bad_value(c, "an object is wanted");
    if (strchr(type, '|'))
        return is_empty(v) ? RC_OK : check_word(c, v, m);
    if (type[0])
        return check_object(c, v, type);
    return json_is_object(v) || json_is_array(v)
               ? bad_value(c, "one value is wanted")
               : RC_OK;
}

static int check_object(struct check *c, const json_t *object,
                        const char *message)
{
    const char *name;
    json_t *v;
    int rc = RC_OK;

    if (!json_is_object(object))
        return bad_value(c, "an object is wanted");
    if (c->depth == DEPTH_MAX)
        return bad_value(c, "it is too deep");
    c->depth++;
    json_object_foreach((json_t *)object, name, v)
    {
        const struct member *m = find(message, name);
        size_t was;

        if (!m) {
            bool top = c->depth == 1; /* Google names no path then */

            return fail_set(c->f, "badRequest",
                            "Invalid JSON payload received. Unknown name "
                            "\"%.80s\"%s%s%s: Cannot find field.",
                            name, top ? "" : " at '", top ? "" : c->path,
                            top ? "" : "'");
        }
        was = enter(c, name);
        rc = check_member(c, v, m);
        c->path[was] = '\0';
        if (rc)
            return rc;
    }
    c->depth--;
    return RC_OK;
}

int shape_check(const json_t *body, const char *message, const char *path,
                struct fail *f)
{
    struct check c = {.f = f};

    snprintf(c.path, sizeof(c.path), "%s", path);
    return check_object(&c, body, message);
}

json_t *shape_body(struct call *c, const char *message, const char *path)
{
    json_t *body = call_json(c);

    if (body && shape_check(body, message, path, &c->fail)) {
        json_decref(body);
        return NULL;
    }
    return body;
}
