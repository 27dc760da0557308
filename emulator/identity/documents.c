/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect Discovery 1.0, the key set (RFC 7517), and Resource
 * Manager's word about a project. */
#include <string.h>

#include "common/buf.h"
#include "emulator/identity/identity_priv.h"
#include "http/http.h"

#define CERTS "/oauth2/v3/certs"

enum {
    DOCUMENT_MAX = 16 << 10
};

static void reply(struct http_req *req, int status, struct buf *json)
{
    struct http_field fields[] = {
        {STR("content-type"), STR("application/json; charset=UTF-8")},
        {STR("cache-control"), STR("public, max-age=3600")}};

    http_reply(req, json->failed ? 503 : status, fields, status == 200 ? 2 : 1,
               buf_as_str(json));
    buf_fini(json);
}

/* False: answered, there is no key. */
static bool has_key(struct identity *id, struct http_req *req)
{
    struct err err = {0};
    struct buf json;

    if (identity_need_key(id, &err) == RC_OK)
        return true;
    buf_init(&json, DOCUMENT_MAX);
    buf_puts(&json, "{\"error\":");
    buf_json_str(&json, str_from(err.text));
    buf_puts(&json, "}\n");
    reply(req, 503, &json);
    return false;
}

static void key_set(struct identity *id, struct http_req *req)
{
    struct buf json;

    if (!has_key(id, req))
        return;
    buf_init(&json, DOCUMENT_MAX);
    buf_printf(&json,
               "{\"keys\":[{\"alg\":\"RS256\",\"e\":\"%s\",\"kid\":\"%s\","
               "\"kty\":\"RSA\",\"n\":\"%s\",\"use\":\"sig\"}]}\n",
               id->public.e, id->public.id, id->public.n);
    reply(req, 200, &json);
}

/* The older form, which Google's libraries for Python and Node ask for. */
static void certificates(struct identity *id, struct http_req *req)
{
    struct buf json;

    if (!has_key(id, req))
        return;
    buf_init(&json, DOCUMENT_MAX);
    buf_printf(&json, "{\"%s\":", id->public.id);
    buf_json_str(&json, str_from(id->certificate));
    buf_puts(&json, "}\n");
    reply(req, 200, &json);
}

/* The keys are where the document was found. */
static void discovery(struct identity *id, struct http_req *req)
{
    struct str host = http_req_known(req, HTTP_H_HOST);
    struct buf json, keys;

    buf_init(&keys, DOCUMENT_MAX);
    buf_printf(&keys, "http://%.*s" CERTS, STR_ARG(host));
    buf_init(&json, DOCUMENT_MAX);
    buf_puts(&json, "{\"issuer\":");
    buf_json_str(&json, str_from(id->issuer));
    buf_puts(&json, ",\"jwks_uri\":");
    buf_json_str(&json, buf_as_str(&keys));
    buf_puts(&json, ",\"response_types_supported\":[\"id_token\"],"
                    "\"subject_types_supported\":[\"public\"],"
                    "\"id_token_signing_alg_values_supported\":[\"RS256\"],"
                    "\"claims_supported\":[\"aud\",\"azp\",\"email\","
                    "\"email_verified\",\"exp\",\"iat\",\"iss\",\"sub\"]}\n");
    json.failed = json.failed || keys.failed;
    buf_fini(&keys);
    reply(req, 200, &json);
}

/* Any project id is one that exists; all have the number that service agents
 * are named by (cloudresourcemanager v1 projects.get), and none is billed
 * (cloudbilling v1 projects.getBillingInfo): Terraform asks both. */
static bool project(struct http_req *req)
{
    struct str prefix = STR("/v1/projects/"), billing = STR("/billingInfo");
    struct str id = http_req_path(req);
    struct buf json;
    bool billed;

    if (!str_starts(id, prefix))
        return false;
    id = str_of(id.p + prefix.len, id.len - prefix.len);
    billed = str_ends(id, billing);
    if (billed)
        id.len -= billing.len;
    for (size_t i = 0; i < id.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.:", id.p[i]))
            return false;
    if (!id.len)
        return false;
    buf_init(&json, DOCUMENT_MAX);
    if (billed)
        buf_printf(&json,
                   "{\"name\":\"projects/%.*s/billingInfo\","
                   "\"projectId\":\"%.*s\",\"billingAccountName\":\"\","
                   "\"billingEnabled\":false}\n",
                   STR_ARG(id), STR_ARG(id));
    else
        buf_printf(&json,
                   "{\"projectNumber\":\"" IDENTITY_NUMBER
                   "\",\"projectId\":\"%.*s\","
                   "\"lifecycleState\":\"ACTIVE\",\"name\":\"%.*s\","
                   "\"createTime\":\"2025-01-01T00:00:00.000Z\"}\n",
                   STR_ARG(id), STR_ARG(id));
    reply(req, 200, &json);
    return true;
}

bool identity_serve(struct identity *id, struct http_req *req)
{
    static const struct {
        const char *path;
        void (*run)(struct identity *id, struct http_req *req);
    } rows[] = {{"/.well-known/openid-configuration", discovery},
                {"/.well-known/jwks.json", key_set},
                {CERTS, key_set},
                {"/oauth2/v1/certs", certificates}};
    enum http_method method = http_req_method(req);

    if (method != HTTP_GET && method != HTTP_HEAD)
        return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (str_eq(http_req_path(req), str_from(rows[i].path))) {
            rows[i].run(id, req);
            return true;
        }
    return project(req);
}
