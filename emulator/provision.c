/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/provision.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "emulator/rpc.h"
#include "schema/schema.h"

/* The calls to make, in order: [[path, name, request], ...]. */
struct work {
    struct rpc *rpc;
    service_done *done;
    void *arg;
    json_t *calls;
    size_t next;
};

static void go_on(struct work *w);

static void finish(struct work *w, int rc, const char *text)
{
    service_done *done = w->done;
    void *arg = w->arg;

    json_decref(w->calls);
    mem_free(w);
    done(arg, rc, text);
}

static void refuse(struct work *w, struct str text)
{
    const json_t *call = json_array_get(w->calls, w->next);
    const char *name = json_string_value(json_array_get(call, 1));
    struct err err;

    err_set(&err, RC_INVALID, "%s: %.*s", name ? name : "a resource",
            STR_ARG(text));
    finish(w, RC_INVALID, err.text);
}

static void on_answer(void *arg, enum grpc_status status, struct str text)
{
    struct work *w = arg;

    if (status != GRPC_OK && status != GRPC_ALREADY_EXISTS) {
        refuse(w, text);
        return;
    }
    w->next++;
    go_on(w);
}

static void go_on(struct work *w)
{
    const json_t *call = json_array_get(w->calls, w->next);
    struct err err = {0};
    char *json;
    int rc;

    if (!call) {
        finish(w, RC_OK, "");
        return;
    }
    json = json_dumps(json_array_get(call, 2), JSON_COMPACT);
    rc = rpc_run_json(w->rpc, json_string_value(json_array_get(call, 0)),
                      str_from(json ? json : ""), on_answer, w, &err);
    mem_free(json);
    if (rc)
        refuse(w, str_from(err.text));
}

/* --- names ---------------------------------------------------------------- */

/* "t" becomes "projects/P/topics/t"; what has a slash stays. */
static void lengthen(json_t *object, const char *member, const char *project,
                     const char *kind)
{
    const char *name = json_string_value(json_object_get(object, member));
    char *full;

    if (!name || strchr(name, '/'))
        return;
    full = mem_printf("projects/%s/%s/%s", project, kind, name);
    json_object_set_new(object, member, json_string(full));
    mem_free(full);
}

static void add_call(json_t *calls, const char *path, json_t *request,
                     const char *name)
{
    json_array_append_new(calls, json_pack("[s, s, o]", path, name, request));
}

static void add_schema(json_t *calls, const json_t *schema, const char *project)
{
    const char *name = json_string_value(json_object_get(schema, "name"));
    const char *slash = name ? strrchr(name, '/') : NULL;
    const char *id = slash ? slash + 1 : name;
    char *parent = mem_printf("projects/%s", project);
    char *full = mem_printf("%s/schemas/%s", parent, id ? id : "");

    add_call(calls, "/google.pubsub.v1.SchemaService/CreateSchema",
             json_pack("{s:s, s:s, s:O}", "parent", parent, "schemaId",
                       id ? id : "", "schema", schema),
             id ? full : "a schema without a name");
    mem_free(full);
    mem_free(parent);
}

static void add_topic(json_t *calls, json_t *topic, const char *project)
{
    lengthen(topic, "name", project, "topics");
    lengthen(json_object_get(topic, "schemaSettings"), "schema", project,
             "schemas");
    add_call(calls, "/google.pubsub.v1.Publisher/CreateTopic",
             json_incref(topic),
             json_string_value(json_object_get(topic, "name"))
                 ? json_string_value(json_object_get(topic, "name"))
                 : "a topic without a name");
}

static void add_subscription(json_t *calls, json_t *sub, const char *project)
{
    lengthen(sub, "name", project, "subscriptions");
    lengthen(sub, "topic", project, "topics");
    lengthen(json_object_get(sub, "deadLetterPolicy"), "deadLetterTopic",
             project, "topics");
    add_call(calls, "/google.pubsub.v1.Subscriber/CreateSubscription",
             json_incref(sub),
             json_string_value(json_object_get(sub, "name"))
                 ? json_string_value(json_object_get(sub, "name"))
                 : "a subscription without a name");
}

/* A bare name stands for an object that has no more. */
static json_t *as_object(json_t *item)
{
    return json_is_string(item) ? json_pack("{s:O}", "name", item)
                                : json_incref(item);
}

static void add_all(json_t *calls, const json_t *set, const char *project)
{
    static const struct {
        const char *member;
        void (*add)(json_t *calls, json_t *item, const char *project);
    } kinds[] = {{"topics", add_topic}, {"subscriptions", add_subscription}};
    const char *own = json_string_value(json_object_get(set, "project"));
    json_t *item;
    size_t i;

    project = own ? own : project;
    json_array_foreach(json_object_get(set, "schemas"), i, item)
        add_schema(calls, item, project);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        json_array_foreach(json_object_get(set, kinds[k].member), i, item)
        {
            json_t *object = as_object(item);

            kinds[k].add(calls, object, project);
            json_decref(object);
        }
}

static bool is_known(const char *member)
{
    static const char *const known[] = {"project", "topics", "subscriptions",
                                        "schemas", "datasets"};

    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
        if (strcmp(known[k], member) == 0)
            return true;
    return false;
}

static const char *check(const json_t *root)
{
    static const char *const members[] = {"topics", "subscriptions", "schemas"};

    const char *key;
    json_t *value;

    if (!json_is_object(root))
        return "an object, or an array of objects, is wanted";
    if (json_object_get(root, "project") &&
        !json_string_length(json_object_get(root, "project")))
        return "project: its id, a string, is wanted";
    json_object_foreach(
        (json_t *)(uintptr_t)root, key,
        value) if (!is_known(key)) return "members are project, topics, "
                                          "subscriptions, schemas and "
                                          "datasets; there is another";
    for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
        const json_t *list = json_object_get(root, members[k]);

        if (list && !json_is_array(list))
            return "topics, subscriptions and schemas are arrays";
        for (size_t i = 0; i < json_array_size(list); i++)
            if (!json_is_object(json_array_get(list, i)) &&
                !json_is_string(json_array_get(list, i)))
                return "a resource is an object, or a name";
    }
    return NULL;
}

/* One definition of each: a second that says something else would be passed
 * over as one that exists. False: `err` names it. */
static bool drop_repeats(json_t *calls, struct err *err)
{
    json_t *seen = json_object();
    bool ok = true;

    for (size_t i = 0; i < json_array_size(calls) && ok;) {
        const json_t *call = json_array_get(calls, i);
        const char *name = json_string_value(json_array_get(call, 1));
        char *key = mem_printf(
            "%s %s", json_string_value(json_array_get(call, 0)), name);
        const json_t *first = json_object_get(seen, key);

        if (!first) {
            json_object_set(seen, key, json_array_get(call, 2));
            i++;
        } else if (json_equal(first, json_array_get(call, 2))) {
            json_array_remove(calls, i);
        } else {
            err_set(err, RC_INVALID,
                    "%.300s: named twice, with different settings", name);
            ok = false;
        }
        mem_free(key);
    }
    json_decref(seen);
    return ok;
}

void provision(struct rpc *rpc, const char *project, struct str json,
               service_done *done, void *arg)
{
    json_error_t why;
    json_t *root = json_loadb(json.p ? json.p : "", json.len,
                              JSON_REJECT_DUPLICATES, &why);
    size_t n = json_is_array(root) ? json_array_size(root) : 1;
    struct work *w;
    struct err err;

    if (!root) {
        err_set(&err, RC_INVALID, "line %d: %s", why.line, why.text);
        done(arg, RC_INVALID, err.text);
        return;
    }
    w = MEM_NEW(struct work);
    *w = (struct work){rpc, done, arg, json_array(), 0};
    for (size_t i = 0; i < n; i++) {
        const json_t *set =
            json_is_array(root) ? json_array_get(root, i) : root;
        const char *wrong = check(set);

        if (wrong) {
            json_decref(root);
            finish(w, RC_INVALID, wrong);
            return;
        }
        add_all(w->calls, set, project);
    }
    json_decref(root);
    if (drop_repeats(w->calls, &err))
        go_on(w);
    else
        finish(w, RC_INVALID, err.text);
}

/* --- defaults ------------------------------------------------------------- */

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value && *value ? value : otherwise;
}

/* As Terraform makes it: partitioned by day, a filter wanted. */
static json_t *own_dataset(void)
{
    const char *path = setting("DATOS_SCHEMA", NULL);
    json_t *fields = path ? json_load_file(path, 0, NULL) : NULL;
    struct str shipped = schema_shipped();

    if (!fields)
        fields = json_loadb(shipped.p, shipped.len, 0, NULL);
    if (json_is_array(fields))
        fields = json_pack("{s:o}", "fields", fields);
    return json_pack("{s:s, s:[{s:s, s:o, s:{s:s, s:s}, s:{s:[s]}, s:b}]}",
                     "datasetId", setting("DATOS_DATASET", "latam_dataset"),
                     "tables", "tableId", setting("DATOS_TABLE", "datos"),
                     "schema", fields, "timePartitioning", "type", "DAY",
                     "field", "timestamp", "clustering", "fields", "id",
                     "requirePartitionFilter", 1);
}

static json_t *own_resources(const char *project)
{
    const char *topic = setting("DATOS_TOPIC", "datos-topic");
    const char *dead = setting("DATOS_DEAD_LETTER_TOPIC", "datos-dead-letter");

    return json_pack(
        "{s:s, s:[s, s], s:[{s:s, s:s, s:{s:s, s:i}, s:{s:s, s:s}, s:{}},"
        "{s:s, s:s, s:s, s:{}}], s:[o]}",
        "project", project, "topics", dead, topic, "subscriptions", "name",
        setting("DATOS_SUBSCRIPTION", "datos-subscription"), "topic", topic,
        "deadLetterPolicy", "deadLetterTopic", dead, "maxDeliveryAttempts", 100,
        "retryPolicy", "minimumBackoff", "10s", "maximumBackoff", "600s",
        "expirationPolicy", "name",
        setting("DATOS_DEAD_LETTER_SUBSCRIPTION",
                "datos-dead-letter-subscription"),
        "topic", dead, "messageRetentionDuration", "2678400s",
        "expirationPolicy", "datasets", own_dataset());
}

static json_t *slice(struct str s)
{
    return json_stringn(s.p, s.len);
}

/* "project,topic:sub:sub,topic" */
static json_t *of_environment(const char *text)
{
    struct str rest = str_from(text), project = str_cut(&rest, ',');
    json_t *topics = json_array(), *subs = json_array();

    while (rest.p) {
        struct str one = str_cut(&rest, ','), topic = str_cut(&one, ':');

        json_array_append_new(topics, slice(topic));
        while (one.p)
            json_array_append_new(subs, json_pack("{s:o, s:o}", "name",
                                                  slice(str_cut(&one, ':')),
                                                  "topic", slice(topic)));
    }
    return json_pack("{s:o, s:o, s:o}", "project", slice(project), "topics",
                     topics, "subscriptions", subs);
}

static char *as_text(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    /* bytes that are no text: nothing that could be read */
    return text ? text : mem_strdup("");
}

char *provision_defaults(const char *project)
{
    return as_text(own_resources(project));
}

int provision_unread(int n, struct err *err)
{
    const struct str prefix = STR("PUBSUB_PROJECT");

    for (char **at = environ; *at; at++) {
        struct str value = str_from(*at), name = str_cut(&value, '=');
        uint64_t i;

        if (!str_starts(name, prefix) || !value.len ||
            !str_to_u64(str_of(name.p + prefix.len, name.len - prefix.len),
                        &i) ||
            (i > 0 && i <= (uint64_t)n))
            continue;
        return err_set(err, RC_INVALID,
                       "%.*s would not be read: PUBSUB_PROJECT%d is %s",
                       STR_ARG(name), n + 1,
                       n < PROVISION_VARIABLES ? "not set" : "one too many");
    }
    return RC_OK;
}

char *provision_variable(int i, char name[PROVISION_NAME])
{
    const char *value;

    snprintf(name, PROVISION_NAME, "PUBSUB_PROJECT%d", i);
    value = getenv(name);
    return value && *value ? as_text(of_environment(value)) : NULL;
}
