/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/grpc_health.h"

#include "common/mem.h"
#include "grpc/health/v1/health.pb-c.h"

struct watch {
    struct watch *next, *prev;
    struct grpc_call *call;
    bool known;
};

struct grpc_health {
    char *names;
    bool serving;
    struct watch *watches;
};

static bool is_known(const struct grpc_health *h, struct str service)
{
    struct str rest = str_from(h->names);

    if (!service.len)
        return true;
    while (rest.p)
        if (str_eq(str_cut(&rest, '\n'), service))
            return true;
    return false;
}

static void tell(const struct grpc_health *h, struct grpc_call *call,
                 bool known)
{
    Grpc__Health__V1__HealthCheckResponse out =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    out.status =
        !known
            ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN
        : h->serving
            ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
            : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    grpc_send(call, &out.base);
}

static struct str service_of(const ProtobufCMessage *m)
{
    return str_from(((const Grpc__Health__V1__HealthCheckRequest *)m)->service);
}

static void on_check(struct grpc_call *call, ProtobufCMessage *m,
                     struct str raw, void *app)
{
    (void)raw;
    if (!is_known(app, service_of(m))) {
        grpc_finish(call, GRPC_NOT_FOUND, "unknown service", NULL);
        return;
    }
    tell(app, call, true);
    grpc_finish(call, GRPC_OK, NULL, NULL);
}

static void on_watch(struct grpc_call *call, ProtobufCMessage *m,
                     struct str raw, void *app)
{
    struct grpc_health *h = app;
    struct watch *w = MEM_NEW(struct watch);

    (void)raw;
    w->call = call;
    w->known = is_known(h, service_of(m));
    w->next = h->watches;
    if (w->next)
        w->next->prev = w;
    h->watches = w;
    grpc_call_set_user(call, w);
    tell(h, call, w->known);
}

static void on_watch_close(struct grpc_call *call, void *app)
{
    struct grpc_health *h = app;
    struct watch *w = grpc_call_user(call);

    if (!w)
        return;
    if (w->prev)
        w->prev->next = w->next;
    else
        h->watches = w->next;
    if (w->next)
        w->next->prev = w->prev;
    mem_free(w);
}

const struct grpc_method *grpc_health_methods(size_t *n)
{
    static const struct grpc_method methods[] = {
        {.path = "/grpc.health.v1.Health/Check",
         .input = &grpc__health__v1__health_check_request__descriptor,
         .on_message = on_check},
        {.path = "/grpc.health.v1.Health/Watch",
         .input = &grpc__health__v1__health_check_request__descriptor,
         .on_message = on_watch,
         .on_close = on_watch_close},
    };

    *n = sizeof(methods) / sizeof(methods[0]);
    return methods;
}

struct grpc_health *grpc_health_new(const char *names)
{
    struct grpc_health *h = MEM_NEW(struct grpc_health);

    h->names = mem_strdup(names);
    h->serving = true;
    return h;
}

void grpc_health_free(struct grpc_health *h)
{
    if (!h)
        return;
    mem_free(h->names);
    mem_free(h);
}

void grpc_health_set(struct grpc_health *h, bool serving)
{
    if (h->serving == serving)
        return;
    h->serving = serving;
    for (struct watch *w = h->watches; w; w = w->next)
        tell(h, w->call, w->known);
}

void grpc_health_end(struct grpc_health *h)
{
    for (struct watch *w = h->watches; w; w = w->next)
        grpc_finish(w->call, GRPC_UNAVAILABLE, "Server is stopping", NULL);
}
