/* SPDX-License-Identifier: Apache-2.0 */
/* What ends by itself: topics' retention, subscriptions that nobody uses,
 * snapshots. (A subscription's own retention is its core's.) */
#include "common/log.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/pubsub_priv.h"

/* A topic's retention may begin with the next publish: a look now and then. */
#define RETENTION_LOOK_US (600 * US_PER_S)

/* When the subscription expires; INT64_MAX: never. */
static int64_t sub_ends_us(const struct sub *sub)
{
    const PB(ExpirationPolicy) *p = sub->config->expiration_policy;

    return p && p->ttl ? sub->active_us + pb_duration_us(p->ttl) : INT64_MAX;
}

static void forget(struct pubsub *s, uint64_t number, const char *name)
{
    struct storage_job *job;

    if (!s->storage)
        return;
    job = storage_job_new(NULL, NULL);
    storage_step(job, STORAGE_DROP_RESOURCE)->number = number;
    policy_drop(job, s, name);
    keep_later(s, job);
}

static int64_t expire_subs(struct pubsub *s, int64_t now_us)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = s->subs.n; i > 0; i--) {
        struct sub *sub = s->subs.rows[i - 1].resource;
        int64_t at_us;

        if (sub->streams || sub->pulls)
            sub_touch(sub);
        at_us = sub_ends_us(sub);
        if (at_us <= now_us) {
            LOG_I("%s expired: nobody used it", sub->name);
            forget(s, sub->number, sub->name);
            sub_delete(sub, GRPC_NOT_FOUND, "The subscription has expired.");
        } else if (at_us < next_us) {
            next_us = at_us;
        }
    }
    return next_us;
}

static int64_t expire_snapshots(struct pubsub *s, int64_t now_us)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = s->snapshots.n; i > 0; i--) {
        struct snapshot *n = s->snapshots.rows[i - 1].resource;
        int64_t at_us = n->config->expire_time
                            ? pb_timestamp_us(n->config->expire_time)
                            : INT64_MAX;

        if (at_us <= now_us) {
            forget(s, n->number, n->name);
            snapshot_delete(s, n);
        } else if (at_us < next_us) {
            next_us = at_us;
        }
    }
    return next_us;
}

static int64_t expire_logs(struct pubsub *s, int64_t now_us)
{
    int64_t next_us = INT64_MAX;

    for (struct topic *t = s->all_topics; t; t = t->next) {
        if (t->log.keep_us == 0)
            continue;
        tlog_expire(&t->log, now_us);
        if (next_us == INT64_MAX)
            next_us = now_us + RETENTION_LOOK_US;
        if (tlog_next_expiry(&t->log) < next_us)
            next_us = tlog_next_expiry(&t->log);
    }
    return next_us;
}

static void arm(struct pubsub *s, int64_t at_us)
{
    s->expiry_us = at_us;
    if (at_us == INT64_MAX)
        loop_timer_cancel(&s->expiry);
    else
        loop_timer_arm(&s->expiry, vclock_delay_us(s->e->clock, at_us));
}

void expiry_sub(struct sub *sub)
{
    int64_t at_us = sub_ends_us(sub);

    if (at_us < sub->service->expiry_us)
        arm(sub->service, at_us);
}

void expiry_run(struct pubsub *s)
{
    int64_t now_us = pubsub_now(s);
    int64_t next_us[] = {expire_subs(s, now_us), expire_snapshots(s, now_us),
                         expire_logs(s, now_us)};
    int64_t at_us = INT64_MAX;

    for (size_t i = 0; i < sizeof(next_us) / sizeof(next_us[0]); i++)
        if (next_us[i] < at_us)
            at_us = next_us[i];
    arm(s, at_us);
}
