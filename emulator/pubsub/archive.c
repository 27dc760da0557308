/* SPDX-License-Identifier: Apache-2.0 */
/* The whole state as bytes, and back. A version line, then records in the wire
 * format: 1 a resource, 2 a batch, 3 the end with what is counted on. */
#include "common/mem.h"
#include "emulator/pubsub/policy.h"
#include "emulator/pubsub/pubsub_priv.h"
#include "emulator/pubsub/schema.h"
#include "grpc/wire.h"

#define VERSION_LINE "datos-pubsub 1\n"

enum record {
    RECORD_RESOURCE = 1,
    RECORD_BATCH = 2,
    RECORD_END = 3
};

/* --- save ----------------------------------------------------------------- */

static void put_resource(struct buf *out, const struct kept_resource *r)
{
    struct buf bytes;

    buf_init(&bytes, SIZE_MAX / 4);
    wire_put_uint(&bytes, 1, r->kind);
    wire_put_uint(&bytes, 2, r->number);
    wire_put_uint(&bytes, 3, r->topic);
    wire_put_uint(&bytes, 4, r->secret);
    wire_put_uint(&bytes, 5, r->deleted);
    wire_put_bytes(&bytes, 6, r->body);
    wire_put_bytes(&bytes, 7, r->done);
    wire_put_uint(&bytes, 8, r->born);
    if (r->attempts.len)
        wire_put_bytes(&bytes, 9, r->attempts);
    wire_put_bytes(out, RECORD_RESOURCE, buf_as_str(&bytes));
    buf_fini(&bytes);
}

static void put_config(struct buf *out, struct kept_resource r,
                       const void *config, const struct ackset *done)
{
    size_t len = protobuf_c_message_get_packed_size(config);
    char *body = mem_alloc(len + 1);
    struct buf set;

    protobuf_c_message_pack(config, (uint8_t *)body);
    buf_init(&set, SIZE_MAX / 4);
    if (done)
        ackset_save(done, &set);
    r.body = str_of(body, len);
    r.done = buf_as_str(&set);
    put_resource(out, &r);
    buf_fini(&set);
    mem_free(body);
}

static int put_batch(struct pubsub *s, struct buf *out, const struct topic *t,
                     const struct batch *b, struct err *err)
{
    struct buf bytes;
    char *read = NULL;
    struct str messages = str_of(b->bytes, b->len);

    if (!b->bytes) {
        struct storage_job *job = storage_job_new(NULL, NULL);
        int rc;

        storage_step(job, STORAGE_READ_BATCH)->number = b->first_id;
        rc = storage_run(s->storage, job, &read, err);
        if (rc && rc != RC_MALFORMED)
            return rc;
        if (!read || !resident_is_batch(b, str_of(read, b->len))) {
            mem_free(read);
            return RC_OK; /* lost or damaged: nobody will see it again */
        }
        messages.p = read;
    }
    buf_init(&bytes, SIZE_MAX / 4);
    wire_put_uint(&bytes, 1, b->first_id);
    wire_put_uint(&bytes, 2, t->number);
    wire_put_uint(&bytes, 3, b->first_seq);
    wire_put_uint(&bytes, 4, (uint64_t)b->publish_us);
    wire_put_uint(&bytes, 5, b->n);
    wire_put_bytes(&bytes, 6, messages);
    wire_put_bytes(out, RECORD_BATCH, buf_as_str(&bytes));
    buf_fini(&bytes);
    mem_free(read);
    return RC_OK;
}

static void put_topics(const struct pubsub *s, struct buf *out)
{
    for (const struct topic *t = s->all_topics; t; t = t->next)
        put_config(out,
                   (struct kept_resource){.kind = KEPT_TOPIC,
                                          .number = t->number,
                                          .deleted = t->deleted},
                   t->config, NULL);
}

static void put_holders(const struct pubsub *s, struct buf *out)
{
    for (size_t i = 0; i < s->subs.n; i++) {
        const struct sub *sub = s->subs.rows[i].resource;
        struct buf attempts;

        buf_init(&attempts, SIZE_MAX / 4);
        subcore_save_attempts(&sub->core, &attempts);
        put_config(out,
                   (struct kept_resource){.kind = KEPT_SUBSCRIPTION,
                                          .number = sub->number,
                                          .topic = sub->topic->number,
                                          .secret = sub->secret,
                                          .born = sub->born,
                                          .attempts = buf_as_str(&attempts)},
                   sub->config, &sub->core.holder.done);
        buf_fini(&attempts);
    }
    for (size_t i = 0; i < s->snapshots.n; i++) {
        const struct snapshot *n = s->snapshots.rows[i].resource;

        put_config(out,
                   (struct kept_resource){.kind = KEPT_SNAPSHOT,
                                          .number = n->number,
                                          .topic = n->topic->number},
                   n->config, &n->holder.done);
    }
}

static void put_schemas(const struct pubsub *s, struct buf *out)
{
    for (size_t i = 0; i < s->schemas.n; i++) {
        const struct schema *schema = s->schemas.rows[i].resource;

        for (size_t k = 0; k < schema->n; k++)
            put_config(
                out,
                (struct kept_resource){.kind = KEPT_SCHEMA,
                                       .number = schema->revisions[k]->number},
                schema->revisions[k]->config, NULL);
    }
}

static void put_policies(const struct pubsub *s, struct buf *out)
{
    struct storage_job *job = storage_job_new(NULL, NULL);

    for (size_t i = 0; i < s->policies.n; i++)
        keep_policy(job, s->policies.rows[i].resource);
    for (size_t i = 0; i < job->n; i++) {
        job->steps[i].resource.done = STR("");
        put_resource(out, &job->steps[i].resource);
    }
    storage_job_free(job);
}

int pubsub_save(void *self, struct buf *out, struct err *err)
{
    struct pubsub *s = self;
    struct buf end;

    buf_puts(out, VERSION_LINE);
    put_topics(s, out);
    put_holders(s, out);
    put_schemas(s, out);
    put_policies(s, out);
    for (const struct topic *t = s->all_topics; t; t = t->next)
        for (const struct batch *b = tlog_find(&t->log, 0); b;
             b = tlog_after(&t->log, b)) {
            int rc = b->gone ? RC_OK : put_batch(s, out, t, b, err);

            if (rc)
                return rc;
        }
    buf_init(&end, 64);
    wire_put_uint(&end, 1, s->next_id);
    wire_put_bytes(out, RECORD_END, buf_as_str(&end));
    buf_fini(&end);
    return out->failed ? err_set(err, RC_TOO_LARGE,
                                 "pubsub: the state is too large to be saved")
                       : RC_OK;
}

/* --- load: into a state beside the present one ---------------------------- */

enum {
    N_FIELDS = 10 /* of a record; number 0 is none */
};

static bool read_fields(struct str record, uint64_t numbers[N_FIELDS],
                        struct str bytes[N_FIELDS])
{
    struct wire w = wire_of(record);
    struct wire_field f;

    while (wire_next(&w, &f)) {
        if (f.number >= N_FIELDS)
            continue;
        if (f.type == WIRE_VARINT)
            numbers[f.number] = f.value;
        if (f.type == WIRE_BYTES)
            bytes[f.number] = f.bytes;
    }
    return !wire_is_bad(&w);
}

static int read_record(const struct storage_visitor *v, enum record kind,
                       struct str record, struct err *err)
{
    struct pubsub *s = v->arg;
    uint64_t n[N_FIELDS] = {0};
    struct str bytes[N_FIELDS];

    for (size_t i = 0; i < N_FIELDS; i++)
        bytes[i] = STR(""); /* what a record does not have is empty */
    if (!read_fields(record, n, bytes))
        return err_set(err, RC_MALFORMED, "pubsub: a record is damaged");
    if (kind == RECORD_RESOURCE)
        return v->resource(&(struct kept_resource){.kind = (enum kept_kind)n[1],
                                                   .number = n[2],
                                                   .topic = n[3],
                                                   .secret = n[4],
                                                   .deleted = n[5] != 0,
                                                   .born = n[8],
                                                   .body = bytes[6],
                                                   .done = bytes[7],
                                                   .attempts = bytes[9]},
                           v->arg, err);
    if (kind == RECORD_BATCH)
        return v->batch(&(struct kept_batch){.id = n[1],
                                             .topic = n[2],
                                             .seq = n[3],
                                             .publish_us = (int64_t)n[4],
                                             .n = (uint32_t)n[5],
                                             .len = (uint32_t)bytes[6].len,
                                             .bytes = bytes[6]},
                        v->arg, err);
    if (kind == RECORD_END && n[1] > s->next_id)
        s->next_id = n[1];
    return RC_OK;
}

/* The lowest number of a resource: those of the archive go on from ours, so
 * that they do not grow with each time that they are saved and loaded. */
static uint64_t least_number(struct wire w)
{
    uint64_t least = UINT64_MAX;
    struct wire_field f;

    while (wire_next(&w, &f)) {
        uint64_t n[N_FIELDS] = {0};
        struct str bytes[N_FIELDS];

        if (f.type == WIRE_BYTES && f.number == RECORD_RESOURCE &&
            read_fields(f.bytes, n, bytes) && n[2] < least)
            least = n[2];
    }
    return least == UINT64_MAX ? 0 : least;
}

static int read_all(struct pubsub *s, struct str text, struct err *err)
{
    const struct str version = STR(VERSION_LINE);
    struct storage_visitor v = restore_visitor(s);
    struct wire w;
    struct wire_field f;
    bool ended = false;

    if (!str_starts(text, version))
        return err_set(err, RC_MALFORMED,
                       "pubsub: not a saved state, or one of a newer version");
    w = wire_of(str_of(text.p + version.len, text.len - version.len));
    s->restore_base -= least_number(w); /* sums are modulo 2^64 */
    while (wire_next(&w, &f)) {
        int rc = f.type == WIRE_BYTES
                     ? read_record(&v, (enum record)f.number, f.bytes, err)
                     : RC_OK;

        if (rc)
            return rc;
        ended = f.number == RECORD_END;
    }
    if (wire_is_bad(&w) || !ended)
        return err_set(err, RC_MALFORMED, "pubsub: the saved state is cut off");
    restore_end(s);
    return RC_OK;
}

static void keep_schemas(struct storage_job *job, const struct pubsub *s)
{
    for (size_t i = 0; i < s->schemas.n; i++) {
        const struct schema *schema = s->schemas.rows[i].resource;

        for (size_t k = 0; k < schema->n; k++)
            keep_revision(job, schema->revisions[k]);
    }
}

/* All of `fresh` on disk instead of what is there. */
static int keep_all(struct pubsub *s, const struct pubsub *fresh,
                    struct err *err)
{
    struct storage_job *job;

    if (!s->storage)
        return RC_OK;
    job = storage_job_new(NULL, NULL);
    storage_step(job, STORAGE_WIPE);
    for (const struct topic *t = fresh->all_topics; t; t = t->next)
        keep_topic(job, t);
    for (size_t i = 0; i < fresh->subs.n; i++)
        keep_sub(job, fresh->subs.rows[i].resource, true);
    for (size_t i = 0; i < fresh->snapshots.n; i++)
        keep_snapshot(job, fresh->snapshots.rows[i].resource);
    keep_schemas(job, fresh);
    for (size_t i = 0; i < fresh->policies.n; i++)
        keep_policy(job, fresh->policies.rows[i].resource);
    for (const struct topic *t = fresh->all_topics; t; t = t->next)
        for (struct batch *b = tlog_find(&t->log, 0); b;
             b = tlog_after(&t->log, b))
            if (!b->gone)
                publish_put_batch(job, t, b);
    return storage_run(s->storage, job, NULL, err);
}

/* The present state goes, `fresh` takes its place. */
static void install(struct pubsub *s, struct pubsub *fresh)
{
    s->clearing = true;
    pubsub_clear(s, GRPC_UNAVAILABLE, "The state was replaced by a saved one");
    s->clearing = false;
    buf_reset(&s->dropped);
    names_fini(&s->topics);
    names_fini(&s->subs);
    names_fini(&s->snapshots);
    names_fini(&s->schemas);
    names_fini(&s->policies);
    s->topics = fresh->topics;
    s->subs = fresh->subs;
    s->snapshots = fresh->snapshots;
    s->schemas = fresh->schemas;
    s->policies = fresh->policies;
    numbers_fini(&s->sub_numbers);
    s->sub_numbers = fresh->sub_numbers;
    s->next_id = fresh->next_id;
    s->next_number = fresh->next_number;
    while (fresh->all_topics) {
        struct topic *t = fresh->all_topics;

        fresh->all_topics = t->next;
        t->next = s->all_topics; /* some may wait for their last job */
        s->all_topics = t;
        t->service = s;
        numbers_add(&s->topic_numbers, t->number, t);
        for (struct sub *sub = t->subs; sub; sub = sub->next)
            sub->service = s;
        for (struct batch *b = tlog_find(&t->log, 0); b;
             b = tlog_after(&t->log, b)) {
            b->stored = s->storage != NULL;
            b->older = b->newer = NULL;
            if (b->bytes)
                resident_add(s, b);
        }
        topic_due(t);
    }
}

int pubsub_load(void *self, struct str bytes, struct err *err)
{
    struct pubsub *s = self;
    struct pubsub fresh = {.e = s->e,
                           .transforms = s->transforms,
                           .next_id = s->next_id,
                           .next_number = s->next_number,
                           .restore_base = s->next_number,
                           .clearing = true};
    int rc;

    fresh.last_due = &fresh.due;
    buf_init(&fresh.dropped, SIZE_MAX / 4);
    rc = read_all(&fresh, bytes, err);
    if (rc == RC_OK)
        rc = keep_all(s, &fresh, err);
    if (rc) {
        pubsub_clear(&fresh, GRPC_UNAVAILABLE, "");
        while (fresh.all_topics) /* deleted ones without subscriptions */
            topic_unref(fresh.all_topics);
        names_fini(&fresh.topics);
        names_fini(&fresh.subs);
        names_fini(&fresh.snapshots);
        names_fini(&fresh.schemas);
        names_fini(&fresh.policies);
        numbers_fini(&fresh.sub_numbers);
    } else {
        install(s, &fresh);
    }
    numbers_fini(&fresh.topic_numbers);
    buf_fini(&fresh.dropped);
    if (rc == RC_OK) {
        expiry_run(s);
        deliver_due(s);
    }
    return rc;
}
