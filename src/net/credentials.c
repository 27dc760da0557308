/* SPDX-License-Identifier: Apache-2.0 */
#include "net/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "net/credential.h"
#include "net/endpoint.h"
#include "net/token_http.h"

enum {
    FILE_MAX = 256 * 1024
};

static const struct {
    const char *type;
    int (*open)(const struct credential *c, struct token_source **out,
                struct err *err);
} kinds[] = {
    {"service_account", token_service_account},
    {"authorized_user", token_authorized_user},
    {"external_account_authorized_user", token_authorized_user},
    {"external_account", token_external_account},
    {"impersonated_service_account", token_impersonated},
};

const char *credential_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text && text[0] ? text : NULL;
}

int credential_need(const struct credential *c, const char *key,
                    const char **out, struct err *err)
{
    *out = credential_text(c->json, key);
    if (*out)
        return RC_OK;
    return err_set(err, RC_INVALID,
                   "the credential file %s lacks \"%s\": make it again",
                   c->name, key);
}

int credential_url(const struct credential *c, const json_t *json,
                   const char *key, const char *fallback, const char **out,
                   struct err *err)
{
    const char *url = credential_text(json, key);

    if (!url)
        url = fallback;
    if (!url)
        return err_set(err, RC_INVALID,
                       "the credential file %s lacks \"%s\": make it again",
                       c->name, key);
    if (!endpoint_url_is_safe(str_from(url)))
        return err_set(err, RC_INVALID,
                       "the credential file %s: \"%s\" must be an https:// "
                       "address (plain http only on loopback)",
                       c->name, key);
    *out = url;
    return RC_OK;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

struct token_source *credential_source(const struct credential *c,
                                       const struct token_kind *kind,
                                       void *self, char *description)
{
    const char *quota = environment("GOOGLE_CLOUD_QUOTA_PROJECT");
    const char *universe = credential_text(c->json, "universe_domain");

    if (!quota)
        quota = credential_text(c->json, "quota_project_id");
    return token_source_new(c->loop, kind, self, description, copy(quota),
                            copy(universe));
}

/* The universe asked for must be the credential's own (a token must not go to
 * another's services). */
static int check_universe(const struct credential *c, struct err *err)
{
    const char *asked = environment("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    const char *own = credential_text(c->json, "universe_domain");

    if (!asked || strcmp(asked, own ? own : ENDPOINT_UNIVERSE) == 0)
        return RC_OK;
    return err_set(err, RC_INVALID,
                   "GOOGLE_CLOUD_UNIVERSE_DOMAIN is %.100s, but the credential "
                   "file %s belongs to %.100s",
                   asked, c->name, own ? own : ENDPOINT_UNIVERSE);
}

static int open_kind(const struct credential *c, struct token_source **out,
                     struct err *err)
{
    const char *type;
    int rc = credential_need(c, "type", &type, err);

    if (rc == RC_OK)
        rc = check_universe(c, err);
    for (size_t i = 0; rc == RC_OK && i < sizeof(kinds) / sizeof(kinds[0]);
         i++) {
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].open(c, out, err);
    }
    if (rc != RC_OK)
        return rc;
    return err_set(err, RC_UNSUPPORTED,
                   "the credential file %s is of type \"%.60s\", which is not "
                   "supported: use a service account, a user, an external "
                   "account or an impersonated one",
                   c->name, type);
}

int credentials_parse(struct loop *loop, struct str json, const char *name,
                      struct token_source **out, struct err *err)
{
    struct credential c = {.loop = loop, .name = name};
    json_t *root = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    c.json = root;
    if (!json_is_object(root))
        rc = err_set(err, RC_INVALID,
                     "the credential file %s is no JSON object: make it again",
                     name);
    else
        rc = open_kind(&c, out, err);
    json_decref(root);
    return rc;
}

static int read_file(const char *path, const char *why, char **out,
                     size_t *out_len, struct err *err)
{
    FILE *f = fopen(path, "re");
    char *data = mem_alloc(FILE_MAX + 1);
    size_t len = f ? fread(data, 1, FILE_MAX + 1, f) : 0;
    int error = f && !ferror(f) ? 0 : errno;

    if (f)
        fclose(f);
    if (error == 0 && len <= FILE_MAX) {
        *out = data;
        *out_len = len;
        return RC_OK;
    }
    explicit_bzero(data, len);
    mem_free(data);
    return err_set(err, RC_DENIED,
                   "cannot read the credential file %s (%s): %s", path, why,
                   error ? strerror(error) : "it is too large");
}

static int open_file(struct loop *loop, const char *path, const char *why,
                     struct token_source **out, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    int rc = read_file(path, why, &data, &len, err);

    if (rc != RC_OK)
        return rc;
    rc = credentials_parse(loop, str_of(data, len), path, out, err);
    explicit_bzero(data, len);
    mem_free(data);
    return rc;
}

/* Where gcloud keeps the file of `gcloud auth application-default login`, if
 * it is there; caller owns. */
static char *gcloud_file(void)
{
    const char *config = environment("CLOUDSDK_CONFIG");
    const char *home = environment("HOME");
    char *path = NULL;
    FILE *f;

    if (config)
        path = mem_printf("%s/application_default_credentials.json", config);
    else if (home)
        path = mem_printf(
            "%s/.config/gcloud/application_default_credentials.json", home);
    f = path ? fopen(path, "re") : NULL;
    if (f)
        fclose(f);
    if (f || (path && errno != ENOENT && errno != ENOTDIR))
        return path;
    mem_free(path);
    return NULL;
}

int credentials_open(struct loop *loop, struct token_source **out,
                     struct err *err)
{
    const char *named = environment("GOOGLE_APPLICATION_CREDENTIALS");
    char *path;
    int rc;

    if (named)
        return open_file(loop, named, "GOOGLE_APPLICATION_CREDENTIALS", out,
                         err);
    path = gcloud_file();
    if (!path)
        return token_metadata(loop, out, err);
    rc = open_file(loop, path, "of gcloud", out, err);
    mem_free(path);
    return rc;
}
