/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata server of Cloud Run, Compute Engine and their kin: tokens of
 * the attached service account. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/credential.h"
#include "net/metadata.h"
#include "net/token_http.h"

struct metadata {
    struct token_source *source;
    struct token_http http;
    char *url;
};

static int read_answer(struct metadata *m, char **bearer, int64_t *life)
{
    struct token_http *http = &m->http;

    /* whoever else answers at this address is not the metadata server */
    if (strcmp(http->call.field, "Google") != 0)
        return err_set(&http->err, RC_UNAVAILABLE,
                       "%.200s is not Google's metadata server (no "
                       "Metadata-Flavor in its answer)",
                       m->url);
    return token_answer_parse(buf_as_str(&http->call.response), clock_wall_us(),
                              bearer, life, &http->err);
}

static void on_answer(struct token_http *http, int rc)
{
    struct metadata *m = http->owner;
    char *bearer = NULL;
    int64_t life = 0;
    struct err err = http->err;

    if (rc == RC_OK) {
        rc = read_answer(m, &bearer, &life);
        err = http->err;
    } else if (http->call.rc != RC_OK) {
        err_set(&err, (enum rc)rc,
                "no Google credentials: set GOOGLE_APPLICATION_CREDENTIALS, "
                "or run gcloud auth application-default login, or run on "
                "Google Cloud (%.200s)",
                http->err.text);
    }
    token_deliver(m->source, rc, &err, str_from(bearer), life);
    token_forget(bearer);
}

static void do_fetch(void *self)
{
    struct metadata *m = self;

    m->http.call.n_fields = 1;
    m->http.call.fields[0] =
        (struct http_call_field){"Metadata-Flavor", "Google"};
    m->http.call.want_field = "Metadata-Flavor";
    token_http_get(&m->http, m->url);
}

static void do_free(void *self)
{
    struct metadata *m = self;

    token_http_fini(&m->http);
    mem_free(m->url);
    mem_free(m);
}

static const struct token_kind kind = {do_fetch, do_free};

int token_metadata(struct loop *loop, struct token_source **out,
                   struct err *err)
{
    char *base;
    const char *quota = getenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    const char *universe = getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    struct metadata *m;
    int rc = metadata_base(&base, err);

    if (rc != RC_OK)
        return rc;
    m = MEM_NEW(struct metadata);
    m->url = mem_printf("%s/computeMetadata/v1/instance/service-accounts/"
                        "default/token?scopes=%s",
                        base, CREDENTIALS_SCOPE);
    token_http_init(&m->http, loop, m, on_answer);
    m->source =
        token_source_new(loop, &kind, m, mem_printf("metadata server %s", base),
                         quota && quota[0] ? mem_strdup(quota) : NULL,
                         universe && universe[0] ? mem_strdup(universe) : NULL);
    mem_free(base);
    *out = m->source;
    return RC_OK;
}
