/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/resource.h"

#include <stdio.h>

#include "common/base64.h"
#include "common/mem.h"

enum {
    ETAG_USERS = 12 /* characters of the part that users change */
};

static bool fits(const json_t *v, enum member_kind kind)
{
    switch (kind) {
    case MEMBER_TEXT:
        return json_is_string(v);
    case MEMBER_NUMBER:
        return json_is_integer(v) || json_is_string(v);
    case MEMBER_BOOL:
        return json_is_boolean(v) || json_is_string(v);
    case MEMBER_ARRAY:
        return json_is_array(v);
    default:
        return json_is_object(v);
    }
}

static int check_labels(const json_t *labels, struct fail *f)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)labels, key, v)
    {
        const char *text = json_string_value(v);

        if (!*key || strlen(key) > 252 || (text && strlen(text) > 252) ||
            (!text && !json_is_null(v)))
            return fail_set(f, "invalid",
                            "Label key \"%.63s\" or its value is invalid: a "
                            "label is a text of at most 63 characters",
                            key);
    }
    return RC_OK;
}

static json_t *stored(const json_t *v, enum member_kind kind)
{
    if (kind == MEMBER_NUMBER && json_is_integer(v))
        return json_sprintf("%lld", (long long)json_integer_value(v));
    if (kind == MEMBER_BOOL && json_is_string(v))
        return json_boolean(strcasecmp(json_string_value(v), "true") == 0);
    return json_deep_copy(v);
}

json_t *resource_body(const json_t *resource,
                      const struct resource_member *members, struct fail *f)
{
    json_t *body = json_object();

    for (; members->name; members++) {
        const json_t *v = json_object_get(resource, members->name);

        if (!v || json_is_null(v))
            continue;
        if (!fits(v, members->kind)) {
            fail_set(f, "invalid", "Invalid value for: %s", members->name);
            json_decref(body);
            return NULL;
        }
        if (members->kind == MEMBER_LABELS && check_labels(v, f)) {
            json_decref(body);
            return NULL;
        }
        json_object_set_new(body, members->name, stored(v, members->kind));
    }
    return body;
}

json_t *resource_merge(const json_t *body, const json_t *patch)
{
    json_t *out = json_is_object(body) ? json_copy((json_t *)(uintptr_t)body)
                                       : json_object();
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)patch, key, v)
    {
        if (json_is_null(v))
            json_object_del(out, key);
        else if (json_is_object(v))
            json_object_set_new(out, key,
                                resource_merge(json_object_get(out, key), v));
        else
            json_object_set(out, key, v);
    }
    return out;
}

void resource_put_time(json_t *r, const char *name, int64_t us)
{
    json_object_set_new(r, name, json_sprintf("%lld", (long long)(us / 1000)));
}

void resource_etag(const char *users, const char *rest, char *out)
{
    uint64_t a = str_hash(str_from(users)), b = str_hash(str_from(rest));
    size_t n = base64_encode(out, &a, sizeof(a));

    out[n + base64_encode(out + n, &b, sizeof(b))] = '\0';
}

/* Clients put quotes around it, or not. */
static bool same(struct str given, struct str etag)
{
    if (str_eq(given, STR("*")))
        return true;
    if (str_starts(given, STR("W/")))
        given = str_of(given.p + 2, given.len - 2);
    if (given.len >= 2 && given.p[0] == '"' && given.p[given.len - 1] == '"')
        given = str_of(given.p + 1, given.len - 2);
    return str_starts(given, etag);
}

bool resource_if_match(struct call *c, const char *etag)
{
    /* rows may have come since: what users set is compared */
    if (!c->if_match.p || same(c->if_match, str_of(etag, ETAG_USERS)))
        return true;
    call_fail(c, "conditionNotMet", "Precondition Failed");
    return false;
}

bool resource_not_modified(struct call *c, const char *etag)
{
    if (!c->if_none_match.p || !same(c->if_none_match, str_from(etag)))
        return false;
    snprintf(c->etag, sizeof(c->etag), "%s", etag);
    call_reply(c, 304);
    return true;
}

int resource_page(struct call *c, int64_t otherwise, struct page *out)
{
    struct str token = call_param(c, "pageToken");

    out->from = 0;
    if (token.len && (!str_to_i64(token, &out->from) || out->from < 0))
        return fail_set(&c->fail, "invalid", "Invalid page token");
    if (call_number(c, "maxResults", otherwise, &out->max))
        return RC_INVALID;
    if (out->max == 0)
        out->max = otherwise;
    return RC_OK;
}

static bool one_label(struct str term, const json_t *labels)
{
    struct str name, value = term;
    const char *text;
    char key[256];

    if (!str_starts(term, STR("labels.")))
        return false;
    value = str_of(term.p + 7, term.len - 7);
    name = str_cut(&value, ':');
    snprintf(key, sizeof(key), "%.*s", STR_ARG(name));
    text = json_string_value(json_object_get(labels, key));
    return text && (!value.p || !value.len || str_eq(value, str_from(text)) ||
                    str_eq(value, STR("*")));
}

bool resource_filter(struct str filter, const json_t *body)
{
    const json_t *labels = json_object_get(body, "labels");

    while (filter.p) {
        struct str term = str_trim(str_cut(&filter, ' '));

        if (term.len && !str_eq(term, STR("AND")) && !one_label(term, labels))
            return false;
    }
    return true;
}
