/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/push.h"

#include <inttypes.h>
#include <string.h>

#include "common/buf.h"
#include "dev/dev.h"
#include "dev/part.h"
#include "dev/spawn.h"

enum {
    REQUEST_MAX = 16 << 10
};

bool dev_pushes(const struct parts *parts)
{
    return strcmp(parts->options->ingest, "push") == 0;
}

static void put_config(struct buf *b, const struct parts *parts)
{
    const struct dev_options *o = parts->options;

    buf_puts(b, "{\"pushConfig\":{");
    if (dev_pushes(parts))
        buf_printf(
            b, "\"pushEndpoint\":\"http://127.0.0.1:%" PRId64 "/pubsub/push\"",
            parts->api_port);
    if (dev_pushes(parts) && o->push_signs) {
        buf_puts(b, ",\"oidcToken\":{\"serviceAccountEmail\":");
        buf_json_str(b, str_from(o->push_account));
        buf_puts(b, ",\"audience\":");
        buf_json_str(b, str_from(o->push_audience));
        buf_putc(b, '}');
    }
    buf_puts(b, "}}");
}

bool dev_push_point(const struct parts *parts)
{
    struct spawn_probe probe = {.port = (uint16_t)parts->pubsub_port,
                                .reply = "HTTP/1.1 200"};
    const char *name = parts->options->subscription;
    struct buf body, request;
    bool done;

    buf_init(&body, REQUEST_MAX);
    put_config(&body, parts);
    buf_init(&request, REQUEST_MAX);
    buf_puts(&request, "POST /v1/");
    if (!strchr(name, '/'))
        buf_printf(&request, "projects/%s/subscriptions/",
                   parts->options->project);
    buf_printf(&request,
               "%s:modifyPushConfig HTTP/1.1\r\nHost: 127.0.0.1\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n\r\n%s",
               name, body.len, body.data);
    probe.request = request.data;
    done = !body.failed && !request.failed && spawn_answers(&probe);
    buf_fini(&body);
    buf_fini(&request);
    return done;
}
