/* SPDX-License-Identifier: Apache-2.0 */
/* Compute Engine's metadata server, as far as credentials and a program's
 * questions about where it runs need it. */
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/identity/identity_priv.h"
#include "http/http.h"

#define ROOT     "/computeMetadata/v1/"
#define ACCOUNTS "instance/service-accounts/"

enum {
    ANSWER_MAX = 64 << 10
};

static void answer(struct http_req *req, int status, const char *type,
                   struct str body)
{
    struct http_field fields[] = {{STR("metadata-flavor"), STR("Google")},
                                  {STR("server"), STR("Metadata Server")},
                                  {STR("content-type"), str_from(type)}};

    http_reply(req, status, fields, 3, body);
}

static void answer_text(struct http_req *req, const char *text)
{
    answer(req, 200, "application/text", str_from(text));
}

/* --- what is asked -------------------------------------------------------- */

/* The value of a parameter; "" without it. Caller frees. */
static char *parameter(struct http_req *req, const char *wanted)
{
    struct str rest = http_req_query(req), name, value;
    struct buf scratch;
    char *found = NULL;
    int rc;

    buf_init(&scratch, ANSWER_MAX);
    while (!found && http_query_next(&rest, &scratch, &name, &value, &rc) &&
           rc == RC_OK)
        if (str_eq(name, str_from(wanted)))
            found = mem_printf("%.*s", STR_ARG(value));
    buf_fini(&scratch);
    return found ? found : mem_strdup("");
}

static void put_account(struct identity *id, struct buf *json)
{
    buf_puts(json, "{\"aliases\":[\"default\"],\"email\":");
    buf_json_str(json, str_from(id->account));
    buf_puts(json, ",\"scopes\":[\"" IDENTITY_SCOPE "\"]}");
}

static void access_token(struct identity *id, struct http_req *req)
{
    struct buf json;

    (void)id;
    buf_init(&json, ANSWER_MAX);
    identity_put_access_token(&json);
    buf_puts(&json, "}");
    answer(req, 200, "application/json", buf_as_str(&json));
    buf_fini(&json);
}

static void id_token(struct identity *id, struct http_req *req)
{
    char *audience = parameter(req, "audience"), *token = NULL;
    struct err err = {0};

    if (!*audience)
        answer(req, 400, "text/html",
               STR("non-empty audience parameter "
                   "required\n"));
    else if (identity_token(id, id->account, audience, &token, &err))
        answer(req, 503, "text/plain", str_from(err.text));
    else
        answer_text(req, token);
    mem_free(audience);
    mem_free(token);
}

static void email(struct identity *id, struct http_req *req)
{
    answer_text(req, id->account);
}

static void account(struct identity *id, struct http_req *req)
{
    char *recursive = parameter(req, "recursive");
    struct buf json;

    buf_init(&json, ANSWER_MAX);
    if (strcmp(recursive, "true") == 0) {
        put_account(id, &json);
        answer(req, 200, "application/json", buf_as_str(&json));
    } else {
        answer_text(req, "aliases\nemail\nidentity\nscopes\ntoken\n");
    }
    buf_fini(&json);
    mem_free(recursive);
}

static void accounts(struct identity *id, struct http_req *req)
{
    char *recursive = parameter(req, "recursive");
    struct buf out;

    buf_init(&out, ANSWER_MAX);
    if (strcmp(recursive, "true") == 0) {
        buf_puts(&out, "{\"default\":");
        put_account(id, &out);
        buf_putc(&out, '}');
        answer(req, 200, "application/json", buf_as_str(&out));
    } else {
        buf_printf(&out, "default/\n%s/\n", id->account);
        answer(req, 200, "application/text", buf_as_str(&out));
    }
    buf_fini(&out);
    mem_free(recursive);
}

static void aliases(struct identity *id, struct http_req *req)
{
    (void)id;
    answer_text(req, "default\n");
}

static void scopes(struct identity *id, struct http_req *req)
{
    (void)id;
    answer_text(req, IDENTITY_SCOPE "\n");
}

static const struct row {
    const char *path;
    void (*run)(struct identity *id, struct http_req *req);
} of_account[] = {{"", account},      {"aliases", aliases},
                  {"email", email},   {"identity", id_token},
                  {"scopes", scopes}, {"token", access_token}};

/* What does not depend on a request. */
static const char *constant(const struct identity *id, struct str path,
                            char out[128])
{
    static const struct {
        const char *path, *value;
    } rows[] = {
        {"", "instance/\nproject/\nuniverse/\n"},
        {"instance/", "id\nname\nregion\nservice-accounts/\nzone\n"},
        {"instance/id", "4520031799277581759"},
        {"instance/name", "datos-emulator"},
        {"instance/region", "projects/" IDENTITY_NUMBER "/regions/local"},
        {"instance/zone", "projects/" IDENTITY_NUMBER "/zones/local-a"},
        {"project/", "numeric-project-id\nproject-id\n"},
        {"project/numeric-project-id", IDENTITY_NUMBER},
        {"universe/universe-domain", "googleapis.com"},
        {"universe/universe_domain", "googleapis.com"},
    };

    if (str_eq(path, STR("project/project-id"))) {
        snprintf(out, 128, "%s", id->project);
        return out;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str own = str_from(rows[i].path);

        /* folders may be named without their slash */
        if (str_eq(path, own) || (own.len && own.p[own.len - 1] == '/' &&
                                  str_eq(path, str_of(own.p, own.len - 1))))
            return rows[i].value;
    }
    return NULL;
}

/* False: there is no such account, or nothing of that name of it. */
static bool serve_account(struct identity *id, struct http_req *req,
                          struct str path)
{
    struct str folder = STR(ACCOUNTS), who;

    if (!str_starts(path, str_of(folder.p, folder.len - 1)))
        return false;
    if (path.len <= folder.len) {
        accounts(id, req);
        return true;
    }
    path = str_of(path.p + folder.len, path.len - folder.len);
    who = str_cut(&path, '/');
    if (!str_eq(who, STR("default")) && !str_eq(who, str_from(id->account)))
        return false;
    if (!path.p)
        path = STR("");
    for (size_t i = 0; i < sizeof(of_account) / sizeof(of_account[0]); i++)
        if (str_eq(path, str_from(of_account[i].path))) {
            of_account[i].run(id, req);
            return true;
        }
    return false;
}

bool identity_serve_metadata(struct identity *id, struct http_req *req)
{
    struct str path = http_req_path(req), root = STR(ROOT);
    bool asks =
        str_ieq(http_req_field(req, STR("metadata-flavor")), STR("Google"));
    char text[128];
    const char *value;

    /* "Are you one?", as clients ask before they ask for more */
    if (asks && str_eq(path, STR("/"))) {
        answer_text(req, "computeMetadata/\n");
        return true;
    }
    if (!str_starts(path, str_of(root.p, root.len - 1)))
        return false;
    if (!asks) {
        answer(req, 403, "text/html",
               STR("Missing Metadata-Flavor:Google header.\n"));
        return true;
    }
    path = path.len > root.len ? str_of(path.p + root.len, path.len - root.len)
                               : STR("");
    value = constant(id, path, text);
    if (value)
        answer_text(req, value);
    else if (!serve_account(id, req, path))
        answer(req, 404, "text/html", STR("Not Found\n"));
    return true;
}
