/* SPDX-License-Identifier: Apache-2.0 */
/* Cloud Storage subscriptions: messages collect in an object, which appears in
 * its bucket's folder when it has been open for long enough or holds enough;
 * only then they are acknowledged. */
#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/pubsub/cloud_storage_format.h"
#include "emulator/pubsub/cloud_storage_name.h"
#include "emulator/pubsub/cloud_storage_object.h"
#include "emulator/pubsub/export_priv.h"
#include "emulator/pubsub/schema.h"

enum {
    TURN_MESSAGES = 5000, /* before others have theirs */
    TURN_BYTES = 4 << 20,
    OBJECT_MESSAGES = 500000, /* what is out costs memory: then the next one */
    REST_SHIFT_MAX = 6
};
#define REST_US US_PER_S /* doubled up to a minute */
/* Ours until the object is complete, wherever the clock is moved to. */
#define LEASE_US (100LL * 366 * 86400 * US_PER_S)

struct cloud_storage {
    struct sub *sub;
    struct export_batch batch; /* what the object holds */
    struct loop_timer timer;   /* the object's time, or the rest's */
    PB(CloudStorageConfig) * config;
    bool is_resting, knows_bucket;
    bool is_settling; /* there is no object: `batch` is the last one's */
    unsigned fails;
    struct cloud_object *object; /* NULL: none is open */
    char *revision;              /* whose schema it has; NULL: none */
    int64_t ends_us;             /* when it is to be complete */
    bool has_pending;            /* a message that is in no object yet */
    struct delivery pending;
    struct buf message;                      /* as it will be written */
    char *pending_revision, *pending_schema; /* id and definition */
};

static bool is_avro(const PB(CloudStorageConfig) * c)
{
    return c->output_format_case ==
           GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__OUTPUT_FORMAT_AVRO_CONFIG;
}

static struct cloud_place place_of(const struct cloud_storage *c)
{
    const struct emulator *e = c->sub->service->e;

    return (struct cloud_place){.root = e->storage_dir,
                                .bucket = c->config->bucket,
                                .existing_only = e->storage_existing,
                                .fsync = e->fsync};
}

/* --- trouble -------------------------------------------------------------- */

static void show_state(struct cloud_storage *c, int rc)
{
    struct sub *sub = c->sub;

    if (rc != RC_OK && rc != RC_NOT_FOUND && rc != RC_DENIED)
        return; /* there is no state for a full disk */
    sub->config->cloud_storage_config->state =
        rc == RC_OK ? GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__STATE__ACTIVE
        : rc == RC_DENIED
            ? GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__STATE__PERMISSION_DENIED
            : GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__STATE__NOT_FOUND;
    export_show(sub, rc == RC_OK);
}

/* All that is held stays so, and is tried again. */
static bool rest(struct cloud_storage *c, int rc, const struct err *err)
{
    unsigned shift = c->fails < REST_SHIFT_MAX ? c->fails : REST_SHIFT_MAX;

    if (c->fails++ == 0)
        LOG_W("%s: nothing is written: %s", c->sub->name, err->text);
    show_state(c, rc);
    c->is_resting = true;
    c->knows_bucket = false;
    loop_timer_arm(&c->timer, (int64_t)((uint64_t)REST_US << shift));
    return false;
}

static bool well(struct cloud_storage *c)
{
    c->fails = 0;
    c->knows_bucket = true;
    show_state(c, RC_OK);
    return true;
}

static bool look(struct cloud_storage *c)
{
    struct cloud_place place = place_of(c);
    struct err err;
    int rc = cloud_place_check(&place, &err);

    return rc ? rest(c, rc, &err) : well(c);
}

static void on_timer(struct loop_timer *timer)
{
    struct cloud_storage *c = LOOP_OWNER(timer, struct cloud_storage, timer);
    struct pubsub *s = c->sub->service;

    c->is_resting = false;
    sub_due(c->sub);
    deliver_due(s);
}

/* --- objects -------------------------------------------------------------- */

/* What a complete object holds is acknowledged, some in each turn. False: there
 * is more, so nothing else can be collected yet. */
static bool settle(struct cloud_storage *c)
{
    while (c->is_settling && !export_batch_settle_some(&c->batch)) {
        if (c->sub->service->draining)
            continue;
        c->sub->again = true;
        return false;
    }
    c->is_settling = false;
    return true;
}

/* The object is complete; false also where it is not all acknowledged yet. */
static bool finish(struct cloud_storage *c)
{
    struct cloud_place place = place_of(c);
    struct err err;
    int rc;

    if (!c->object)
        return true;
    rc = cloud_object_finish(c->object, &place, &err);
    if (rc == RC_OK) {
        c->object = NULL;
        c->is_settling = true;
        return well(c) && settle(c);
    }
    if (rc == RC_CONFLICT) { /* it has gone: its messages come again */
        c->object = NULL;
        export_batch_extend(&c->batch, 0);
        c->batch.n = 0;
    }
    return rest(c, rc, &err);
}

static void put_id(char out[40])
{
    uint8_t b[16];

    rand_bytes(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 40,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
             "%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
             b[11], b[12], b[13], b[14], b[15]);
}

static bool open_object(struct cloud_storage *c, struct str schema)
{
    const PB(CloudStorageConfig) *f = c->config;
    struct pubsub *s = c->sub->service;
    struct cloud_place place = place_of(c);
    int64_t now_us = pubsub_now(s);
    struct buf name;
    char id[40];
    struct err err;
    int rc;

    put_id(id);
    buf_init(&name, 1 << 20);
    cloud_storage_put_name(&name, str_from(f->filename_prefix),
                           str_from(f->filename_datetime_format),
                           str_from(f->filename_suffix), now_us, str_from(id));
    rc = cloud_object_open(&place, buf_as_str(&name), schema, &c->object, &err);
    buf_fini(&name);
    if (rc)
        return rest(c, rc, &err);
    c->ends_us = now_us + pb_duration_us(f->max_duration);
    mem_free(c->revision);
    c->revision = c->pending_revision ? mem_strdup(c->pending_revision) : NULL;
    return true;
}

/* Where the pending message goes, opened if need be. */
static bool ensure_object(struct cloud_storage *c)
{
    const PB(CloudStorageConfig) *f = c->config;
    struct buf schema;
    bool ok;

    if (c->object)
        return true;
    if (!is_avro(f))
        return open_object(c, STR_NULL);
    buf_init(&schema, SIZE_MAX / 4);
    cloud_format_put_schema(&schema, f->avro_config->write_metadata,
                            str_from(c->pending_schema));
    ok = open_object(c, buf_as_str(&schema));
    buf_fini(&schema);
    return ok;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool fits(const struct cloud_storage *c)
{
    uint64_t most = (uint64_t)c->config->max_bytes;

    return is_same_text(c->revision, c->pending_revision) &&
           (most == 0 || cloud_object_size(c->object) + c->message.len <= most);
}

static bool is_full(const struct cloud_storage *c)
{
    const PB(CloudStorageConfig) *f = c->config;

    return c->batch.n >= OBJECT_MESSAGES ||
           (f->max_messages && c->batch.n >= (uint64_t)f->max_messages) ||
           (f->max_bytes &&
            cloud_object_size(c->object) >= (uint64_t)f->max_bytes);
}

/* The pending message into an object. */
static bool place_pending(struct cloud_storage *c)
{
    struct err err;
    int rc;

    if (!c->has_pending)
        return true;
    if (c->object && !fits(c) && !finish(c))
        return false;
    if (!ensure_object(c))
        return false;
    cloud_object_add(c->object, buf_as_str(&c->message));
    export_batch_add(&c->batch, &c->pending);
    c->has_pending = false;
    if (is_full(c))
        return finish(c);
    rc = cloud_object_flush(c->object, &err);
    return rc ? rest(c, rc, &err) : true;
}

/* --- messages ------------------------------------------------------------- */

static void set_schema(struct cloud_storage *c, const struct revision *r)
{
    if (is_same_text(c->pending_revision, r->config->revision_id))
        return;
    mem_free(c->pending_revision);
    mem_free(c->pending_schema);
    c->pending_revision = mem_strdup(r->config->revision_id);
    c->pending_schema = mem_strdup(r->config->definition);
}

static int write_avro(struct cloud_storage *c, const struct delivery *d,
                      struct err *err)
{
    const PB(CloudStorageConfig__AvroConfig) *f = c->config->avro_config;
    const struct export_message m = {d->message, d->id, d->publish_us};
    struct cloud_format how = {.metadata = f->write_metadata,
                               .subscription = c->sub->name};

    if (f->use_topic_schema) {
        const struct revision *r =
            schema_of_message(c->sub->service, d->message);

        if (!r || !r->avro)
            return err_set(err, RC_INVALID, "its schema has gone");
        how.avro = r->avro;
        how.data_is_json = schema_is_json(d->message);
        set_schema(c, r);
    }
    return cloud_format_put(&c->message, &m, &how, err);
}

static void take(struct cloud_storage *c, const struct delivery *d)
{
    struct err err;
    int rc = RC_OK;

    buf_reset(&c->message);
    if (is_avro(c->config))
        rc = write_avro(c, d, &err);
    else
        buf_str(&c->message, message_data(d->message));
    if (rc) {
        export_batch_refuse(&c->batch, d, err.text);
        return;
    }
    c->pending = *d;
    c->has_pending = true;
}

static void arm(struct cloud_storage *c)
{
    if (c->object && !c->is_resting)
        loop_timer_arm(&c->timer,
                       vclock_delay_us(c->sub->service->e->clock, c->ends_us));
}

void cloud_storage_serve(struct sub *sub)
{
    struct cloud_storage *c = sub->storage;
    struct pubsub *s = sub->service;
    struct delivery d;
    size_t n = 0, len = 0;

    if (!c || c->is_resting || !settle(c))
        return;
    if (s->draining) {
        (void)(place_pending(c) && finish(c));
        return;
    }
    sub_touch(sub); /* it is in use */
    if ((!c->knows_bucket && !look(c)) || !place_pending(c))
        return;
    if (c->object && pubsub_now(s) >= c->ends_us && !finish(c))
        return;
    while (n < TURN_MESSAGES && len < TURN_BYTES &&
           export_batch_next(&c->batch, LEASE_US, &d)) {
        n++;
        len += d.message.len;
        take(c, &d);
        if (!place_pending(c))
            return;
    }
    sub->again = sub->again || n == TURN_MESSAGES || len >= TURN_BYTES;
    arm(c);
}

/* --- begin, change, end --------------------------------------------------- */

static PB(CloudStorageConfig) * settings(const PB(CloudStorageConfig) * c)
{
    PB(CloudStorageConfig) *copy = pb_copy(c);

    copy->state =
        GOOGLE__PUBSUB__V1__CLOUD_STORAGE_CONFIG__STATE__STATE_UNSPECIFIED;
    return copy;
}

static bool is_same(const PB(CloudStorageConfig) * a,
                    const PB(CloudStorageConfig) * b)
{
    size_t len = protobuf_c_message_get_packed_size(&a->base);
    uint8_t *x = mem_alloc(len + 1), *y = mem_alloc(len + 1);
    bool same = protobuf_c_message_get_packed_size(&b->base) == len;

    if (same) {
        protobuf_c_message_pack(&a->base, x);
        protobuf_c_message_pack(&b->base, y);
        same = memcmp(x, y, len) == 0;
    }
    mem_free(x);
    mem_free(y);
    return same;
}

void cloud_storage_end(struct sub *sub)
{
    struct cloud_storage *c = sub->storage;

    if (!c)
        return;
    sub->storage = NULL;
    loop_timer_fini(&c->timer);
    if (c->is_settling) /* it is written: it must not come again */
        export_batch_settle(&c->batch);
    cloud_object_drop(c->object);
    if (c->has_pending)
        export_batch_add(&c->batch, &c->pending);
    export_batch_fini(&c->batch);
    buf_fini(&c->message);
    pb_free(c->config);
    mem_free(c->revision);
    mem_free(c->pending_revision);
    mem_free(c->pending_schema);
    mem_free(c);
}

void cloud_storage_apply(struct sub *sub)
{
    const PB(CloudStorageConfig) *f =
        sub->config->detached ? NULL : sub->config->cloud_storage_config;
    PB(CloudStorageConfig) *fresh = f ? settings(f) : NULL;
    struct cloud_storage *c = sub->storage;

    if (c && f && is_same(c->config, fresh)) {
        pb_free(fresh);
        show_state(c, c->is_resting ? RC_NOT_FOUND : RC_OK);
        return;
    }
    if (c && f)
        (void)finish(c); /* what was collected keeps its old form */
    cloud_storage_end(sub);
    if (!f)
        return;
    c = MEM_NEW(struct cloud_storage);
    c->sub = sub;
    c->config = fresh;
    export_batch_init(&c->batch, sub);
    buf_init(&c->message, SIZE_MAX / 4);
    loop_timer_init(&c->timer, sub->service->e->loop, on_timer);
    sub->storage = c;
    (void)look(c);
}
