/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/faults.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/rand.h"
#include "grpc/grpc.h"

enum {
    RULES_MAX = 1000,
    LATENCY_MAX_MS = 3600000
};

struct rule {
    char *service, *method, *match; /* NULL: any */
    double probability;
    int64_t left; /* uses; -1: no end */
    uint64_t used;
    struct fault fault;
};

/* A method that rules may name; the texts are constants. */
struct known {
    const char *service, *method;
};

struct faults {
    struct rand dice;
    struct known *known;
    size_t n_known;
    struct rule *rules;
    size_t n;
};

static const char *const action_names[] = {
    [FAULT_NONE] = "none",           [FAULT_ERROR] = "error",
    [FAULT_DELAY] = "delay",         [FAULT_DROP] = "drop",
    [FAULT_DUPLICATE] = "duplicate", [FAULT_RESET] = "reset"};

enum {
    N_ACTIONS = sizeof(action_names) / sizeof(action_names[0])
};

const char *faults_name(enum fault_action action)
{
    return action == FAULT_NONE ? NULL : action_names[action];
}

struct faults *faults_new(uint64_t seed)
{
    struct faults *f = MEM_NEW(struct faults);

    rand_seed(&f->dice, seed);
    return f;
}

static void free_rules(struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(rules[i].service);
        mem_free(rules[i].method);
        mem_free(rules[i].match);
    }
    mem_free(rules);
}

void faults_clear(struct faults *f)
{
    free_rules(f->rules, f->n);
    f->rules = NULL;
    f->n = 0;
}

void faults_free(struct faults *f)
{
    if (!f)
        return;
    faults_clear(f);
    mem_free(f->known);
    mem_free(f);
}

void faults_know(struct faults *f, const char *service, const char *method)
{
    f->known = mem_realloc(f->known, (f->n_known + 1) * sizeof(struct known));
    f->known[f->n_known++] = (struct known){service, method};
}

bool faults_glob(struct str glob, struct str text)
{
    size_t g = 0, t = 0, star = SIZE_MAX, from = 0;

    while (t < text.len) {
        if (g < glob.len && glob.p[g] == '*') {
            star = g++;
            from = t;
        } else if (g < glob.len &&
                   (glob.p[g] == '?' || glob.p[g] == text.p[t])) {
            g++, t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.p[g] == '*')
        g++;
    return g == glob.len;
}

static bool fits(const char *glob, struct str text)
{
    return !glob || faults_glob(str_from(glob), text);
}

/* "Publish" and "Publisher/Publish" name the RPC too. */
static bool method_fits(const char *glob, struct str method)
{
    struct str rest;

    if (fits(glob, method))
        return true;
    for (size_t i = method.len; i; i--)
        if (method.p[i - 1] == '/' || method.p[i - 1] == '.') {
            rest = str_of(method.p + i, method.len - i);
            if (fits(glob, rest))
                return true;
        }
    return false;
}

bool faults_match(struct faults *f, struct str service, struct str method,
                  struct str resource, struct fault *out)
{
    out->action = FAULT_NONE;
    out->latency_us = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct rule *r = &f->rules[i];

        if (r->left == 0 || !fits(r->service, service) ||
            !method_fits(r->method, method) || !fits(r->match, resource))
            continue;
        if (r->probability < 1 && rand_unit(&f->dice) >= r->probability)
            continue;
        r->left -= r->left > 0;
        r->used++;
        *out = r->fault;
        return true;
    }
    return false;
}

/* --- JSON ----------------------------------------------------------------- */

static int wrong(struct err *err, size_t i, const char *member, const char *why)
{
    return err_set(err, RC_INVALID, "rules[%zu].%s: %s", i, member, why);
}

static int read_code(const json_t *code, int *out)
{
    if (json_is_integer(code)) {
        json_int_t v = json_integer_value(code);

        *out = v > 0 && v < GRPC_N_STATUS ? (int)v : 0;
    } else if (json_is_string(code)) {
        for (int i = 1; i < GRPC_N_STATUS; i++)
            if (strcmp(json_string_value(code),
                       grpc_status_name((enum grpc_status)i)) == 0)
                *out = i;
    }
    return *out ? RC_OK : RC_INVALID;
}

static int status_of_http(int http)
{
    for (int i = 1; i < GRPC_N_STATUS; i++)
        if (grpc_status_http((enum grpc_status)i) == http)
            return i;
    return http >= 500 ? GRPC_UNAVAILABLE : GRPC_INVALID_ARGUMENT;
}

/* 200 is a fault of insertAll alone: the call is answered, rows are refused. */
static bool may_be(const json_t *rule, json_int_t http_status)
{
    const char *method = json_string_value(json_object_get(rule, "method"));

    if (http_status == 200)
        return method && (strcmp(method, "tabledata.insertAll") == 0 ||
                          strcmp(method, "insertAll") == 0);
    return http_status >= 400 && http_status <= 599;
}

static int read_action(const json_t *rule, size_t i, struct fault *f,
                       struct err *err)
{
    const json_t *action = json_object_get(rule, "action");
    const json_t *code = json_object_get(rule, "code");
    const json_t *http = json_object_get(rule, "http_status");
    json_int_t status = json_integer_value(http);
    static const char *const told[] = {"code", "http_status", "message"};

    if (code && read_code(code, &f->status))
        return wrong(err, i, "code", "no status of gRPC other than OK");
    if (http && !may_be(rule, status))
        return wrong(err, i, "http_status",
                     "400 to 599 is wanted (200, rows refused: with method "
                     "tabledata.insertAll)");
    for (int a = 1; action && a < N_ACTIONS; a++)
        if (json_is_string(action) &&
            strcmp(json_string_value(action), action_names[a]) == 0)
            f->action = (enum fault_action)a;
    if (action && !f->action)
        return wrong(err, i, "action",
                     "error, delay, drop, duplicate or reset is wanted");
    if (action && f->action != FAULT_ERROR)
        for (size_t n = 0; n < sizeof(told) / sizeof(told[0]); n++)
            if (json_object_get(rule, told[n]))
                return wrong(err, i, told[n], "only an error has one");
    if (!action)
        f->action = code || http || !f->latency_us ? FAULT_ERROR : FAULT_DELAY;
    if (!f->status)
        f->status = http ? status_of_http((int)status) : GRPC_UNAVAILABLE;
    f->http_status =
        http ? (int)status : grpc_status_http((enum grpc_status)f->status);
    if (f->action == FAULT_DELAY && !f->latency_us)
        return wrong(err, i, "latency_ms", "a delay wants how long");
    return RC_OK;
}

static int read_numbers(const json_t *rule, size_t i, struct rule *r,
                        struct err *err)
{
    const json_t *probability = json_object_get(rule, "probability");
    const json_t *count = json_object_get(rule, "count");
    const json_t *latency = json_object_get(rule, "latency_ms");
    double ms = json_number_value(latency);

    r->probability = probability ? json_number_value(probability) : 1;
    r->left = count ? (int64_t)json_integer_value(count) : -1;
    if (probability && (!json_is_number(probability) || r->probability < 0 ||
                        r->probability > 1))
        return wrong(err, i, "probability", "a number from 0 to 1 is wanted");
    if (count && (!json_is_integer(count) || r->left < 0))
        return wrong(err, i, "count", "an integer from 0 is wanted");
    if (latency && (!json_is_number(latency) || ms < 0 || ms > LATENCY_MAX_MS))
        return wrong(err, i, "latency_ms", "0 to 3600000 is wanted");
    r->fault.latency_us = (int64_t)(ms * 1000);
    return RC_OK;
}

static int read_text(const json_t *rule, size_t i, const char *name, char **out,
                     struct err *err)
{
    const json_t *v = json_object_get(rule, name);

    if (v && !json_is_string(v))
        return wrong(err, i, name, "a string is wanted");
    *out = v ? mem_strdup(json_string_value(v)) : NULL;
    return RC_OK;
}

/* "a.b/C" without what stands before its last name. */
static struct str leaf_of(const char *method)
{
    const char *slash = strrchr(method, '/');

    return str_from(slash ? slash + 1 : method);
}

/* All resources are of a project: can the glob fit one? */
static bool may_fit(const char *glob)
{
    static const char head[] = "projects/";

    for (size_t i = 0; head[i] && glob[i] != '*'; i++)
        if (glob[i] != '?' && glob[i] != head[i])
            return false;
    return true;
}

static int check_match(const struct rule *r, size_t i, struct err *err)
{
    if (!r->match || may_fit(r->match))
        return RC_OK;
    return err_set(err, RC_INVALID,
                   "rules[%zu].match: '%.100s' fits no resource: all begin "
                   "with projects/ (*/topics/t fits a topic)",
                   i, r->match);
}

/* What can be done twice to be seen: the rest would only be counted. */
static bool is_doubled(struct str method)
{
    static const char *const leaves[] = {"Publish", "Pull", "StreamingPull",
                                         "Push", "tabledata.insertAll"};
    size_t from = method.len;

    while (from && method.p[from - 1] != '/')
        from--;
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
        if (str_eq(str_of(method.p + from, method.len - from),
                   str_from(leaves[i])))
            return true;
    return false;
}

static int check_doubled(const struct faults *f, const struct rule *r, size_t i,
                         struct err *err)
{
    if (r->fault.action != FAULT_DUPLICATE || !f->n_known)
        return RC_OK;
    for (size_t k = 0; k < f->n_known; k++) {
        struct str method = str_from(f->known[k].method);

        if (is_doubled(method) &&
            fits(r->service, str_from(f->known[k].service)) &&
            (!r->method || method_fits(r->method, method)))
            return RC_OK;
    }
    return wrong(err, i, "action",
                 "duplicate is for Publish, Pull, StreamingPull, Push and "
                 "tabledata.insertAll");
}

/* A rule that can fit nothing is a slip of the pen. */
static int check_method(const struct faults *f, const struct rule *r, size_t i,
                        struct err *err)
{
    const struct known *nearest = NULL;
    unsigned best = UINT_MAX;

    for (size_t k = 0; k < f->n_known && r->method; k++) {
        unsigned d =
            str_distance(leaf_of(r->method), leaf_of(f->known[k].method));

        if (!fits(r->service, str_from(f->known[k].service)))
            continue;
        if (method_fits(r->method, str_from(f->known[k].method)))
            return RC_OK;
        if (d < best) {
            best = d;
            nearest = &f->known[k];
        }
    }
    if (!nearest)
        return RC_OK;
    return err_set(err, RC_INVALID,
                   "rules[%zu].method: '%.100s' is no method; the nearest is "
                   "%s of %s",
                   i, r->method, nearest->method, nearest->service);
}

static int check_names(json_t *rule, size_t i, struct err *err)
{
    static const char *const names[] = {
        "service", "method",     "match",   "probability", "count", "code",
        "action",  "latency_ms", "message", "http_status", "used"};
    const char *key;
    json_t *value;

    if (!json_is_object(rule))
        return err_set(err, RC_INVALID, "rules[%zu]: an object is wanted", i);
    json_object_foreach(rule, key, value)
    {
        size_t n = 0;

        while (n < sizeof(names) / sizeof(names[0]) &&
               strcmp(names[n], key) != 0)
            n++;
        if (n == sizeof(names) / sizeof(names[0]))
            return wrong(err, i, key, "there is no such member");
    }
    return RC_OK;
}

/* A rule that can never match is a slip of the pen. */
static bool is_service(const char *glob)
{
    return fits(glob, STR("pubsub")) || fits(glob, STR("bigquery"));
}

static int read_rule(const struct faults *f, json_t *rule, size_t i,
                     struct rule *r, struct err *err)
{
    const json_t *message = json_object_get(rule, "message");
    int rc = check_names(rule, i, err);

    if (rc == RC_OK)
        rc = read_text(rule, i, "service", &r->service, err);
    if (rc == RC_OK && !is_service(r->service))
        rc = wrong(err, i, "service", "there are pubsub and bigquery");
    if (rc == RC_OK)
        rc = read_text(rule, i, "method", &r->method, err);
    if (rc == RC_OK)
        rc = check_method(f, r, i, err);
    if (rc == RC_OK)
        rc = read_text(rule, i, "match", &r->match, err);
    if (rc == RC_OK)
        rc = check_match(r, i, err);
    if (rc == RC_OK)
        rc = read_numbers(rule, i, r, err);
    if (rc == RC_OK)
        rc = read_action(rule, i, &r->fault, err);
    if (rc == RC_OK)
        rc = check_doubled(f, r, i, err);
    if (rc == RC_OK && message && !json_is_string(message))
        rc = wrong(err, i, "message", "a string is wanted");
    if (rc)
        return rc;
    snprintf(r->fault.message, sizeof(r->fault.message), "%s",
             json_is_string(message) ? json_string_value(message)
                                     : "Injected fault");
    return RC_OK;
}

int faults_set_json(struct faults *f, struct str json, struct err *err)
{
    json_error_t why;
    json_t *root = json_loadb(json.p ? json.p : "", json.len,
                              JSON_REJECT_DUPLICATES, &why);
    json_t *list = json_object_get(root, "rules");
    size_t n = json_array_size(list);
    struct rule *rules = NULL;
    int rc = RC_OK;

    if (!root)
        rc = err_set(err, RC_INVALID, "not JSON: %s", why.text);
    else if (!json_is_array(list))
        rc = err_set(err, RC_INVALID, "{\"rules\":[...]} is wanted");
    else if (n > RULES_MAX)
        rc = err_set(err, RC_INVALID, "at most %d rules", (int)RULES_MAX);
    if (rc)
        goto out;
    rules = MEM_ARRAY(struct rule, n);
    for (size_t i = 0; i < n && rc == RC_OK; i++)
        rc = read_rule(f, json_array_get(list, i), i, &rules[i], err);
    if (rc) {
        free_rules(rules, n);
        goto out;
    }
    faults_clear(f);
    f->rules = rules;
    f->n = n;
out:
    json_decref(root);
    return rc;
}

static void put_text(struct buf *out, const char *name, const char *text)
{
    if (!text)
        return;
    buf_printf(out, "\"%s\":", name);
    buf_json_str(out, str_from(text));
    buf_putc(out, ',');
}

void faults_render_json(const struct faults *f, struct buf *out)
{
    buf_puts(out, "{\"rules\":[");
    for (size_t i = 0; i < f->n; i++) {
        const struct rule *r = &f->rules[i];

        buf_puts(out, i ? ",{" : "{");
        put_text(out, "service", r->service);
        put_text(out, "method", r->method);
        put_text(out, "match", r->match);
        buf_printf(out, "\"action\":\"%s\",\"probability\":%g,",
                   action_names[r->fault.action], r->probability);
        if (r->left >= 0)
            buf_printf(out, "\"count\":%lld,", (long long)r->left);
        if (r->fault.action == FAULT_ERROR)
            buf_printf(out, "\"code\":\"%s\",\"http_status\":%d,",
                       grpc_status_name((enum grpc_status)r->fault.status),
                       r->fault.http_status);
        if (r->fault.latency_us)
            buf_printf(out, "\"latency_ms\":%g,",
                       (double)r->fault.latency_us / 1000);
        buf_printf(out, "\"used\":%llu}", (unsigned long long)r->used);
    }
    buf_puts(out, "]}\n");
}
