/* SPDX-License-Identifier: Apache-2.0 */
/* Token endpoints that take any credential: OAuth's (service accounts, users),
 * the Security Token Service's (RFC 8693), and IAM credentials' (impersonated
 * accounts). The emulators ask nobody for a token; clients that insist on one
 * get it here. */
#include <jansson.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/timefmt.h"
#include "emulator/identity/identity_priv.h"
#include "http/http.h"

#define BEARER   "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define OF_TOKEN "urn:ietf:params:oauth:token-type:access_token"

enum {
    FORM_MAX = 256 << 10
};

static void answer(struct http_req *req, int status, struct buf *json)
{
    struct http_field fields[] = {
        {STR("content-type"), STR("application/json; charset=UTF-8")},
        {STR("cache-control"), STR("no-store")}};

    http_reply(req, json->failed ? 503 : status, fields, 2, buf_as_str(json));
    buf_fini(json);
}

static void refuse(struct http_req *req, int status, const char *code,
                   const char *text)
{
    struct buf json;

    buf_init(&json, FORM_MAX);
    buf_printf(&json, "{\"error\":\"%s\",\"error_description\":", code);
    buf_json_str(&json, str_from(text));
    buf_puts(&json, "}\n");
    answer(req, status, &json);
}

/* 32 characters that nobody has seen. */
static void put_secret(struct buf *out)
{
    unsigned char bytes[24];
    char text[33];

    rand_bytes(bytes, sizeof(bytes));
    text[base64_encode_url(text, bytes, sizeof(bytes))] = '\0';
    buf_puts(out, text);
}

void identity_put_access_token(struct buf *json)
{
    buf_puts(json, "{\"access_token\":\"ya29.");
    put_secret(json);
    buf_printf(json, "\",\"expires_in\":%d,\"token_type\":\"Bearer\"",
               IDENTITY_TOKEN_LIFE_S - 1);
}

/* --- OAuth ---------------------------------------------------------------- */

struct form {
    char *grant, *assertion, *scope;
};

static void form_fini(struct form *f)
{
    mem_free(f->grant);
    mem_free(f->assertion);
    mem_free(f->scope);
}

static void form_read(struct form *f, struct str rest)
{
    struct buf scratch;
    struct str name, value;
    int rc;

    *f = (struct form){0};
    buf_init(&scratch, FORM_MAX);
    while (http_query_next(&rest, &scratch, &name, &value, &rc) &&
           rc == RC_OK) {
        char **slot = str_eq(name, STR("grant_type"))  ? &f->grant
                      : str_eq(name, STR("assertion")) ? &f->assertion
                      : str_eq(name, STR("scope"))     ? &f->scope
                                                       : NULL;

        if (slot && !*slot)
            *slot = mem_printf("%.*s", STR_ARG(value));
    }
    buf_fini(&scratch);
}

/* The claims of a JWT, unverified; NULL: it is none. */
static json_t *claims_of(const char *jwt)
{
    struct str rest = str_from(jwt ? jwt : ""), middle;
    char *bytes;
    size_t len = 0;
    json_t *claims = NULL;

    (void)str_cut(&rest, '.');
    if (!rest.p)
        return NULL;
    middle = str_cut(&rest, '.');
    bytes = mem_try_alloc(base64_decoded_max(middle.len) + 1);
    if (bytes && base64_decode(middle, bytes, &len))
        claims = json_loadb(bytes, len, 0, NULL);
    mem_free(bytes);
    return claims;
}

/* A service account's assertion: for an audience it wants an ID token. */
static void bearer(struct identity *id, struct http_req *req,
                   const struct form *f)
{
    json_t *claims = claims_of(f->assertion);
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    const char *audience =
        json_string_value(json_object_get(claims, "target_audience"));
    struct err err = {0};
    char *token = NULL;
    struct buf json;

    if (!issuer) {
        refuse(req, 400, "invalid_grant",
               "Invalid JWT: the assertion has no claims with an iss.");
    } else if (audience && identity_token(id, issuer, audience, &token, &err)) {
        refuse(req, 503, "temporarily_unavailable", err.text);
    } else {
        buf_init(&json, FORM_MAX);
        if (audience)
            buf_printf(&json, "{\"id_token\":\"%s\"", token);
        else
            identity_put_access_token(&json);
        buf_puts(&json, "}\n");
        answer(req, 200, &json);
    }
    mem_free(token);
    json_decref(claims);
}

static void grant(struct identity *id, struct http_req *req)
{
    struct form f;
    struct buf json;

    form_read(&f, http_req_body(req));
    if (!f.grant) {
        refuse(req, 400, "invalid_request",
               "grant_type is missing: a form is wanted");
    } else if (strcmp(f.grant, BEARER) == 0) {
        bearer(id, req, &f);
    } else if (strcmp(f.grant, "refresh_token") == 0 ||
               strcmp(f.grant, EXCHANGE) == 0) {
        buf_init(&json, FORM_MAX);
        identity_put_access_token(&json);
        if (strcmp(f.grant, EXCHANGE) == 0)
            buf_puts(&json, ",\"issued_token_type\":\"" OF_TOKEN "\"");
        buf_puts(&json, ",\"scope\":");
        buf_json_str(&json, str_from(f.scope ? f.scope : IDENTITY_SCOPE));
        buf_puts(&json, "}\n");
        answer(req, 200, &json);
    } else {
        refuse(req, 400, "unsupported_grant_type",
               "jwt-bearer, refresh_token and token-exchange are served");
    }
    form_fini(&f);
}

/* --- IAM credentials ------------------------------------------------------ */

static void generate_access(struct http_req *req)
{
    char when[TIMEFMT_MAX];
    struct buf json;

    timefmt_format_z(
        when, (clock_wall_us() / US_PER_S + IDENTITY_TOKEN_LIFE_S) * US_PER_S);
    buf_init(&json, FORM_MAX);
    buf_puts(&json, "{\"accessToken\":\"ya29.");
    put_secret(&json);
    buf_printf(&json, "\",\"expireTime\":\"%s\"}\n", when);
    answer(req, 200, &json);
}

static void generate_id(struct identity *id, struct http_req *req,
                        const char *email)
{
    struct str body = http_req_body(req);
    json_t *json = json_loadb(body.p ? body.p : "", body.len, 0, NULL);
    const char *audience = json_string_value(json_object_get(json, "audience"));
    struct err err = {0};
    char *token = NULL;
    struct buf out;

    if (!audience) {
        refuse(req, 400, "invalid_request", "audience is missing");
    } else if (identity_token(id, email, audience, &token, &err)) {
        refuse(req, 503, "temporarily_unavailable", err.text);
    } else {
        buf_init(&out, FORM_MAX);
        buf_printf(&out, "{\"token\":\"%s\"}\n", token);
        answer(req, 200, &out);
    }
    mem_free(token);
    json_decref(json);
}

/* /v1/projects/-/serviceAccounts/EMAIL:generateAccessToken */
static bool impersonate(struct identity *id, struct http_req *req)
{
    struct str path = http_req_path(req), name;
    struct str prefix = STR("/v1/projects/-/serviceAccounts/");
    char *email;

    if (!str_starts(path, prefix))
        return false;
    path = str_of(path.p + prefix.len, path.len - prefix.len);
    name = str_cut(&path, ':');
    if (!path.p || !name.len)
        return false;
    if (str_eq(path, STR("generateAccessToken"))) {
        generate_access(req);
        return true;
    }
    if (!str_eq(path, STR("generateIdToken")))
        return false;
    email = mem_printf("%.*s", STR_ARG(name));
    generate_id(id, req, email);
    mem_free(email);
    return true;
}

bool identity_issue(struct identity *id, struct http_req *req)
{
    static const char *const paths[] = {"/token", "/oauth2/v4/token",
                                        "/v1/token"};
    enum http_method method = http_req_method(req);

    if (method == HTTP_GET || method == HTTP_HEAD)
        return identity_serve_metadata(id, req);
    if (method != HTTP_POST)
        return false;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (str_eq(http_req_path(req), str_from(paths[i]))) {
            grant(id, req);
            return true;
        }
    return impersonate(id, req);
}
