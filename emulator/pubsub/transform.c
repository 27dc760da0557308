/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: what is refused and why, and the chain of functions they mean. */
#include "emulator/pubsub/transform.h"

#include <ctype.h>

#include "common/mem.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/transform_syntax.h"
#include "grpc/wire.h"

/* --- checks --------------------------------------------------------------- */

static bool is_identifier(const char *name)
{
    if (isdigit((unsigned char)*name))
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '$')
            return false;
    return *name != '\0';
}

static bool has_udf(const PB(MessageTransform) * m)
{
    return m->transform_case ==
           GOOGLE__PUBSUB__V1__MESSAGE_TRANSFORM__TRANSFORM_JAVASCRIPT_UDF;
}

static bool is_repeated(PB(MessageTransform) *const *rows, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(rows[k]->javascript_udf->function_name,
                   rows[i]->javascript_udf->function_name) == 0)
            return true;
    return false;
}

/* The form; false: refused. */
static bool check_form(struct rpc_call *call, PB(MessageTransform) *const *rows,
                       size_t i)
{
    const PB(MessageTransform) *m = rows[i];
    const PB(JavaScriptUDF) *udf = has_udf(m) ? m->javascript_udf : NULL;

    if (m->transform_case ==
        GOOGLE__PUBSUB__V1__MESSAGE_TRANSFORM__TRANSFORM_AI_INFERENCE)
        rpc_fail(call, GRPC_UNIMPLEMENTED,
                 "datos-emulator has no models: message_transforms[%zu]"
                 ".ai_inference is not supported",
                 i);
    else if (!udf)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu] must set javascript_udf.", i);
    else if (!is_identifier(udf->function_name))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu].javascript_udf.function_name must be "
                 "the name of a JavaScript function (function_name=%.100s).",
                 i, udf->function_name);
    else if (is_repeated(rows, i))
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu].javascript_udf.function_name must be "
                 "unique: %.100s is another transform's already.",
                 i, udf->function_name);
    else if (!*udf->code)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu].javascript_udf.code must not be "
                 "empty.",
                 i);
    else if (strlen(udf->code) > TRANSFORM_CODE_MAX)
        rpc_fail(call, GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu].javascript_udf.code has %zu bytes, "
                 "but the maximum is %d.",
                 i, strlen(udf->code), TRANSFORM_CODE_MAX);
    else
        return true;
    return false;
}

/* One that waits for the engine's word on a code. */
struct trial {
    struct transforms_call c;
    struct pubsub *service;
    size_t i;
    char *code;
};

static void refuse_code(const struct trial *t, const struct transform_job *job)
{
    struct newer_syntax newer;

    if (job->rc == RC_MALFORMED &&
        transform_syntax_newer(str_from(t->code), &newer))
        rpc_fail(t->c.call, GRPC_UNIMPLEMENTED,
                 "message_transforms[%zu].javascript_udf.code, line %u: %s: "
                 "datos-emulator knows the JavaScript of ES5 and const; %s",
                 t->i, newer.line, newer.what, newer.instead);
    else
        rpc_fail(t->c.call,
                 job->rc == RC_IO ? GRPC_UNAVAILABLE : GRPC_INVALID_ARGUMENT,
                 "message_transforms[%zu].javascript_udf.code: %.*s", t->i,
                 STR_ARG(buf_as_str(&job->results)));
}

static void on_tried(struct transform_job *job)
{
    struct trial *t = job->arg;
    struct pubsub *s = t->service;

    if (!job->is_cancelled && job->rc) {
        refuse_code(t, job);
    } else if (!job->is_cancelled) {
        chain_set_known(s->transforms, job->chain);
        t->c.run(t->c.call, t->c.in, s);
    }
    if (!job->is_cancelled)
        pubsub_drained(s);
    transform_job_free(job);
    mem_free(t->code);
    mem_free(t);
}

/* True: the engine took it not long ago. */
static bool check_code(const struct transforms_call *c, struct pubsub *s,
                       const PB(JavaScriptUDF) * udf, size_t i)
{
    struct chain *chain = chain_new(s->transforms);
    bool known;

    chain_add(chain, str_from(udf->function_name), str_from(udf->code));
    known = chain_is_known(s->transforms, chain);
    if (!known) {
        struct trial *t = MEM_NEW(struct trial);

        *t = (struct trial){*c, s, i, mem_strdup(udf->code)};
        transform_job_submit(s->transforms,
                             transform_job_new(chain, on_tried, t));
    }
    chain_unref(chain);
    return known;
}

bool transforms_check(const struct transforms_call *c, struct pubsub *s,
                      PB(MessageTransform) *const *rows, size_t n)
{
    if (n > TRANSFORMS_MAX) {
        rpc_fail(c->call, GRPC_INVALID_ARGUMENT,
                 "message_transforms has %zu entries, but the maximum is %d.",
                 n, TRANSFORMS_MAX);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!check_form(c->call, rows, i))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!check_code(c, s, rows[i]->javascript_udf, i))
            return false;
    return true;
}

bool transforms_in_mask(const Google__Protobuf__FieldMask *mask)
{
    for (size_t i = 0; mask && i < mask->n_paths; i++) {
        struct str rest = str_from(mask->paths[i]);

        if (str_eq(str_cut(&rest, '.'), STR("message_transforms")))
            return true;
    }
    return false;
}

/* --- what they mean ------------------------------------------------------- */

/* NULL: nothing is to be run. */
static struct chain *chain_of(struct pubsub *s,
                              PB(MessageTransform) *const *rows, size_t n)
{
    struct chain *chain = NULL;

    for (size_t i = 0; i < n; i++) {
        if (rows[i]->disabled || !has_udf(rows[i]))
            continue;
        if (!chain)
            chain = chain_new(s->transforms);
        chain_add(chain, str_from(rows[i]->javascript_udf->function_name),
                  str_from(rows[i]->javascript_udf->code));
    }
    return chain;
}

static bool is_same(const struct chain *a, const struct chain *b)
{
    return a == b ||
           (a && b && str_eq(buf_as_str(&a->steps), buf_as_str(&b->steps)));
}

void transforms_apply_topic(struct topic *t)
{
    struct chain *chain = chain_of(t->service, t->config->message_transforms,
                                   t->config->n_message_transforms);

    if (is_same(chain, t->chain)) {
        chain_unref(chain);
        return;
    }
    transforms_end_topic(t);
    t->chain = chain;
}

void transforms_end_topic(struct topic *t)
{
    chain_unref(t->chain);
    t->chain = NULL;
}

void transforms_apply_sub(struct sub *sub)
{
    struct chain *chain =
        chain_of(sub->service, sub->config->message_transforms,
                 sub->config->n_message_transforms);

    if (!is_same(chain, sub->view ? view_chain(sub->view) : NULL)) {
        transforms_end_sub(sub);
        if (chain)
            sub->view = view_new(sub, chain);
    }
    chain_unref(chain);
    sub->core.rules.view = sub->view ? view_door(sub->view) : NULL;
}

void transforms_end_sub(struct sub *sub)
{
    view_end(sub->view);
    sub->view = NULL;
    sub->core.rules.view = NULL;
}
