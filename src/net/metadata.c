/* SPDX-License-Identifier: Apache-2.0 */
#include "net/metadata.h"

#include <stdlib.h>

#include "common/mem.h"
#include "net/http_client.h"

enum {
    ANSWER_MAX = 4096
};

struct reading {
    struct http_call call;
    struct loop *loop;
};

int metadata_base(char **out, struct err *err)
{
    const char *host = getenv("GCE_METADATA_HOST");

    if (!host || !host[0])
        host = "metadata.google.internal";
    if (strpbrk(host, " /?#@\\"))
        return err_set(err, RC_INVALID,
                       "GCE_METADATA_HOST is '%.100s', but must be host or "
                       "host:port",
                       host);
    *out = mem_printf("http://%s", host);
    return RC_OK;
}

static void on_answer(struct http_call *call)
{
    loop_stop(LOOP_OWNER(call, struct reading, call)->loop);
}

static int take_answer(struct http_call *call, char **out, struct err *err)
{
    struct str text = str_trim(buf_as_str(&call->response));
    const char *slash = memrchr(text.p, '/', text.len);

    if (call->rc != RC_OK)
        return err_set(err, (enum rc)call->rc, "%.200s: %.200s", call->url,
                       call->err.text);
    if (call->status != 200 || strcmp(call->field, "Google") != 0)
        return err_set(err, RC_UNAVAILABLE,
                       "%.200s answered HTTP %d, or is not the metadata "
                       "server",
                       call->url, call->status);
    if (slash)
        text = str_of(slash + 1, text.len - (size_t)(slash + 1 - text.p));
    if (text.len == 0)
        return err_set(err, RC_UNAVAILABLE, "%.200s gave an empty answer",
                       call->url);
    *out = mem_strndup(text.p, text.len);
    return RC_OK;
}

int metadata_read(const char *path, int64_t timeout_us, char **out,
                  struct err *err)
{
    struct reading r = {.loop = NULL};
    struct http_client *client;
    char *base = NULL, *url;
    int rc = metadata_base(&base, err);

    if (rc != RC_OK)
        return rc;
    url = mem_printf("%s/computeMetadata/v1/%s", base, path);
    mem_free(base);
    r.loop = loop_new();
    client = http_client_new(r.loop, 1);
    r.call.method = "GET";
    r.call.url = url;
    r.call.fields[0] = (struct http_call_field){"Metadata-Flavor", "Google"};
    r.call.n_fields = 1;
    r.call.want_field = "Metadata-Flavor";
    r.call.max_response = ANSWER_MAX;
    r.call.connect_us = r.call.total_us = timeout_us;
    r.call.done = on_answer;
    http_call_start(client, &r.call);
    loop_run(r.loop);
    rc = take_answer(&r.call, out, err);
    http_call_fini(&r.call);
    http_client_free(client);
    loop_free(r.loop);
    mem_free(url);
    return rc;
}
