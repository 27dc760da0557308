/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the metadata session's token, the region, the role's name, its keys;
 * each is left out where the environment or the file makes it needless. */
#include "net/subject_aws.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/aws_sign.h"
#include "net/endpoint.h"
#include "net/token_http.h"
#include "net/token_subject.h"

enum step {
    STEP_SESSION,
    STEP_REGION,
    STEP_ROLE,
    STEP_KEYS,
    STEP_SIGN
};

struct subject_aws {
    struct token_http http;
    struct loop_timer timer;
    enum step step;
    char *name; /* of the credential file */
    char *session_url, *region_url, *keys_url, *sign_url, *audience;
    /* of one fetch */
    char *session, *region, *role_url, *id, *secret, *token;
    void (*done)(int rc, const struct err *err, char *token, void *arg);
    void *arg;
};

static void forget(char **text)
{
    token_forget(*text);
    *text = NULL;
}

static void forget_fetch(struct subject_aws *a)
{
    forget(&a->session);
    forget(&a->region);
    forget(&a->role_url);
    forget(&a->id);
    forget(&a->secret);
    forget(&a->token);
}

static void end(struct subject_aws *a, int rc, const struct err *err,
                char *token)
{
    forget_fetch(a);
    a->done(rc, err, token, a->arg);
}

/* --- from the environment
 * ----------------------------------------------------- */

static char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? mem_strdup(value) : NULL;
}

static void read_environment(struct subject_aws *a)
{
    a->region = variable("AWS_REGION");
    if (!a->region)
        a->region = variable("AWS_DEFAULT_REGION");
    a->id = variable("AWS_ACCESS_KEY_ID");
    a->secret = variable("AWS_SECRET_ACCESS_KEY");
    if (a->id && a->secret) {
        a->token = variable("AWS_SESSION_TOKEN");
        return;
    }
    forget(&a->id);
    forget(&a->secret);
}

/* --- steps
 * ----------------------------------------------------------------------- */

static char *with_region(const char *url, const char *region)
{
    const char *at = strstr(url, "{region}");

    return at ? mem_printf("%.*s%s%s", (int)(at - url), url, region, at + 8)
              : mem_strdup(url);
}

static void sign(struct subject_aws *a)
{
    const struct aws_keys keys = {a->id, a->secret, a->token};
    char *url = with_region(a->sign_url, a->region), *token = NULL;
    struct err err;
    int rc = aws_subject(&keys, a->region, url, a->audience, clock_wall_us(),
                         &token, &err);

    mem_free(url);
    end(a, rc, &err, token);
}

static bool is_needless(const struct subject_aws *a)
{
    switch (a->step) {
    case STEP_SESSION:
        return !a->session_url || (a->region && a->id);
    case STEP_REGION:
        return a->region != NULL;
    case STEP_ROLE:
    case STEP_KEYS:
        return a->id != NULL;
    default:
        return false;
    }
}

static void ask(struct subject_aws *a, const char *url)
{
    struct http_call *call = &a->http.call;

    call->n_fields = 0;
    if (a->step == STEP_SESSION)
        call->fields[call->n_fields++] = (struct http_call_field){
            "x-aws-ec2-metadata-token-ttl-seconds", "300"};
    else if (a->session)
        call->fields[call->n_fields++] =
            (struct http_call_field){"x-aws-ec2-metadata-token", a->session};
    if (a->step == STEP_SESSION)
        token_http_put(&a->http, url);
    else
        token_http_get(&a->http, url);
}

static void go_on(struct subject_aws *a)
{
    const char *url;
    struct err err;

    while (is_needless(a))
        a->step++;
    if (a->step == STEP_SIGN) {
        sign(a);
        return;
    }
    url = a->step == STEP_SESSION  ? a->session_url
          : a->step == STEP_REGION ? a->region_url
          : a->step == STEP_ROLE   ? a->keys_url
                                   : a->role_url;
    if (url) {
        ask(a, url);
        return;
    }
    err_set(&err, RC_INVALID,
            "the credential file %s names no URL for AWS' %s: set %s", a->name,
            a->step == STEP_REGION ? "region" : "keys",
            a->step == STEP_REGION
                ? "AWS_REGION"
                : "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    end(a, RC_INVALID, &err, NULL);
}

static int take_keys(struct subject_aws *a, struct str body, struct err *err)
{
    json_t *json = json_loadb(body.p, body.len, 0, NULL);
    const char *id = credential_text(json, "AccessKeyId");
    const char *secret = credential_text(json, "SecretAccessKey");
    const char *token = credential_text(json, "Token");
    int rc = RC_OK;

    if (id && secret) {
        a->id = mem_strdup(id);
        a->secret = mem_strdup(secret);
        a->token = token ? mem_strdup(token) : NULL;
    } else {
        rc = err_set(err, RC_MALFORMED,
                     "AWS' metadata gives no AccessKeyId and SecretAccessKey");
    }
    json_decref(json);
    return rc;
}

static int take(struct subject_aws *a, struct str body, struct err *err)
{
    char *text = NULL;
    int rc;

    if (a->step == STEP_KEYS)
        return take_keys(a, body, err);
    rc = subject_extract(body, NULL, &text, err);
    if (rc != RC_OK)
        return rc;
    if (strpbrk(text, "\r\n")) {
        rc = err_set(err, RC_MALFORMED, "AWS' metadata gives several lines");
        token_forget(text);
    } else if (a->step == STEP_SESSION) {
        a->session = text;
    } else if (a->step == STEP_REGION) {
        text[strlen(text) - 1] = '\0'; /* us-east-1b: the zone's letter */
        a->region = text;
    } else {
        a->role_url = mem_printf("%s/%s", a->keys_url, text);
        mem_free(text);
    }
    return rc;
}

static void on_answer(struct token_http *http, int rc)
{
    struct subject_aws *a = http->owner;
    struct err err = http->err;

    if (rc == RC_OK)
        rc = take(a, buf_as_str(&http->call.response), &err);
    if (rc != RC_OK) {
        end(a, rc, &err, NULL);
        return;
    }
    a->step++;
    loop_timer_arm(&a->timer, 0); /* http is still in use */
}

static void on_turn(struct loop_timer *t)
{
    go_on(LOOP_OWNER(t, struct subject_aws, timer));
}

void subject_aws_fetch(struct subject_aws *a,
                       void (*done)(int rc, const struct err *err, char *token,
                                    void *arg),
                       void *arg)
{
    a->done = done;
    a->arg = arg;
    a->step = STEP_SESSION;
    read_environment(a);
    loop_timer_arm(&a->timer, 0);
}

/* --- opening
 * --------------------------------------------------------------------- */

/* The metadata service answers in plain text, on its own two addresses. */
static int open_url(struct subject_aws *a, const json_t *source,
                    const char *key, char **out, struct err *err)
{
    const char *url = credential_text(source, key);
    struct str text = str_from(url);

    if (!url)
        return RC_OK;
    if (!endpoint_url_is_safe(text) &&
        !str_starts(text, STR("http://169.254.169.254/")) &&
        !str_starts(text, STR("http://[fd00:ec2::254]/")))
        return err_set(err, RC_INVALID,
                       "the credential file %s: \"%s\" must be https, or AWS' "
                       "metadata address",
                       a->name, key);
    *out = mem_strdup(url);
    return RC_OK;
}

int subject_aws_open(const struct credential *c, const json_t *source,
                     struct subject_aws **out, struct err *err)
{
    struct subject_aws *a = MEM_NEW(struct subject_aws);
    const char *sign_url =
        credential_text(source, "regional_cred_verification_url");
    const char *audience = credential_text(c->json, "audience");
    const char *version = credential_text(source, "environment_id");
    int rc = RC_OK;

    a->name = mem_strdup(c->name);
    loop_timer_init(&a->timer, c->loop, on_turn);
    token_http_init(&a->http, c->loop, a, on_answer);
    a->audience = audience ? mem_strdup(audience) : NULL;
    a->sign_url = mem_strdup(sign_url ? sign_url : "");
    if (strcmp(version, "aws1") != 0)
        rc = err_set(err, RC_UNSUPPORTED,
                     "the credential file %s: \"environment_id\" is %.40s, "
                     "but only aws1 is known",
                     c->name, version);
    else if (!str_starts(str_from(a->sign_url), STR("https://")))
        rc = err_set(err, RC_INVALID,
                     "the credential file %s: "
                     "\"regional_cred_verification_url\" must be https",
                     c->name);
    if (rc == RC_OK)
        rc = open_url(a, source, "imdsv2_session_token_url", &a->session_url,
                      err);
    if (rc == RC_OK)
        rc = open_url(a, source, "region_url", &a->region_url, err);
    if (rc == RC_OK)
        rc = open_url(a, source, "url", &a->keys_url, err);
    if (rc != RC_OK)
        subject_aws_free(a);
    else
        *out = a;
    return rc;
}

void subject_aws_free(struct subject_aws *a)
{
    if (!a)
        return;
    token_http_fini(&a->http);
    loop_timer_fini(&a->timer);
    forget_fetch(a);
    mem_free(a->name);
    mem_free(a->session_url);
    mem_free(a->region_url);
    mem_free(a->keys_url);
    mem_free(a->sign_url);
    mem_free(a->audience);
    mem_free(a);
}
