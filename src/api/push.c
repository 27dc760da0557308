/* SPDX-License-Identifier: Apache-2.0 */
/* POST /pubsub/push: the message goes to ingest, which is the API's guest on
 * the main loop; answered once it is stored or dead-lettered. */
#include <stddef.h>

#include "api/app.h"
#include "api/gate.h"
#include "api/push_body.h"
#include "common/mem.h"

struct push_work {
    struct push_body body;
    struct exchange *x;
    struct loop_task go, back;
};

/* --- there and back --- */

static void on_back(struct loop_task *task)
{
    struct push_work *w = LOOP_OWNER(task, struct push_work, back);

    atomic_fetch_sub(&w->x->l->api->pending, 1);
    if (exchange_end(w->x)) {
        if (w->body.push.ok)
            reply_with(w->x, 204, STR(""), NULL, 0, STR(""));
        else
            reply_problem(w->x, 503,
                          "the message is not stored yet; deliver it again",
                          NULL, 0);
    }
    push_body_fini(&w->body);
    mem_free(w);
}

static void on_done(struct api_push *push)
{
    struct push_work *w = LOOP_OWNER(push, struct push_work, body.push);

    loop_post(w->x->l->loop, &w->back);
}

static void on_go(struct loop_task *task)
{
    struct push_work *w = LOOP_OWNER(task, struct push_work, go);
    struct api *api = w->x->l->api;

    if (atomic_load(&api->stopping)) {
        w->body.push.ok = false;
        on_done(&w->body.push);
        return;
    }
    api->guest_ops->push(api->guest, &w->body.push);
}

/* --- in --- */

/* Of our subscription? A push that does not say whose it is passes: its token
 * named the audience. */
static bool is_ours(const struct api *api, struct str name)
{
    const struct settings *s = api->settings;
    struct str rest = name, own = str_from(s->subscription), project;
    bool any_project =
        s->in_cloud && str_eq(str_from(s->project), STR("datos-local"));

    if (!name.p || str_eq(name, own))
        return true;
    if (!str_eq(str_cut(&rest, '/'), STR("projects")) || !rest.p)
        return false;
    project = str_cut(&rest, '/');
    return rest.p && (any_project || str_eq(project, str_from(s->project))) &&
           str_eq(str_cut(&rest, '/'), STR("subscriptions")) && rest.p &&
           str_eq(rest, own);
}

/* Metadata of a message without wrapper. */
static void take_fields(const struct http_req *req, struct push_body *b)
{
    struct str field =
        http_req_field(req, STR("x-goog-pubsub-subscription-name"));

    if (!b->json && field.p)
        b->subscription = field;
}

static void take(struct exchange *x)
{
    struct api *api = x->l->api;
    struct push_work *w = MEM_NEW(struct push_work);
    const char *why = "";

    if (push_body_parse(http_req_body(x->req), &w->body, &why)) {
        const struct reply_error error = {"message", why};
        reply_problem(x, 400, "the body is no message of Pub/Sub", &error, 1);
    } else if (take_fields(x->req, &w->body),
               !is_ours(api, w->body.subscription)) {
        reply_problem(x, 403, "the message is of another subscription", NULL,
                      0);
    } else {
        w->x = x;
        w->go.run = on_go;
        w->back.run = on_back;
        w->body.push.done = on_done;
        exchange_begin(x);
        atomic_fetch_add(&api->pending, 1);
        loop_post(api->loops[0].loop, &w->go);
        return;
    }
    push_body_fini(&w->body);
    mem_free(w);
}

void post_push(struct exchange *x)
{
    struct api *api = x->l->api;

    if (!api->takes_pushes)
        reply_problem(x, 404, "push is not enabled", NULL, 0);
    else if (atomic_load(&api->stopping))
        reply_problem(x, 503, "it is stopping; deliver it again", NULL, 0);
    else
        gate_pass(x, api->push_auth, take);
}
