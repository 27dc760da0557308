/* SPDX-License-Identifier: Apache-2.0 */
/* Saving, loading, resetting and providing: steps over all services. */
#include <jansson.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/archive.h"
#include "emulator/clock.h"
#include "emulator/clock_keep.h"
#include "emulator/provision.h"
#include "emulator/seed_yaml.h"
#include "emulator/shell_priv.h"

enum {
    CONFIG_MAX = 64 << 20,
    /* the defaults, --config, --dataset, --data-from-yaml, variables */
    N_SETS = 4 + PROVISION_VARIABLES
};
#define ARCHIVE_MAX ((size_t)4 << 30)
#define CLOCK_PART  "clock"

/* --- save and load -------------------------------------------------------- */

int state_save(struct shell *s, struct buf *out, struct err *err)
{
    char clock[64];
    int rc = RC_OK;

    archive_begin(out);
    snprintf(clock, sizeof(clock), "%lld %d",
             (long long)vclock_now_us(s->e.clock),
             vclock_is_frozen(s->e.clock));
    archive_add(out, CLOCK_PART, str_from(clock));
    for (size_t i = 0; i < s->n && rc == RC_OK; i++) {
        struct buf part;

        buf_init(&part, ARCHIVE_MAX);
        rc = s->services[i]->save(s->services[i]->self, &part, err);
        if (rc == RC_OK && part.failed)
            rc = err_set(err, RC_TOO_LARGE, "%s: the state is too large",
                         s->services[i]->name);
        if (rc == RC_OK)
            archive_add(out, s->services[i]->name, buf_as_str(&part));
        buf_fini(&part);
    }
    if (rc == RC_OK && out->failed)
        rc = err_set(err, RC_TOO_LARGE, "the archive is too large");
    return rc;
}

/* A saved instant is shown again: what was leased then is leased now. */
static void load_clock(struct shell *s, struct str part)
{
    struct str rest = part, now = str_cut(&rest, ' ');
    int64_t us;

    if (!str_to_i64(now, &us) || !rest.p)
        return;
    vclock_freeze(s->e.clock, str_eq(rest, STR("1")));
    if (vclock_set(s->e.clock, us))
        LOG_W("the archive's clock is beyond the years 1 to 9999");
}

static int load_parts(struct shell *s, struct str bytes, size_t n,
                      size_t *loaded, struct err *err)
{
    for (*loaded = 0; *loaded < n; (*loaded)++) {
        struct service *service = s->services[*loaded];
        struct str part = archive_part(bytes, service->name);
        int rc;

        if (!part.p)
            return err_set(err, RC_MALFORMED, "the archive holds nothing of %s",
                           service->name);
        rc = service->load(service->self, part, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}

int state_load(struct shell *s, struct str bytes, struct err *err)
{
    struct err ignored;
    struct buf old;
    size_t loaded, again;
    int rc = archive_check(bytes, err);

    if (rc)
        return rc;
    buf_init(&old, ARCHIVE_MAX);
    rc = state_save(s, &old, err);
    if (rc)
        goto out;
    rc = load_parts(s, bytes, s->n, &loaded, err);
    if (rc && load_parts(s, buf_as_str(&old), loaded, &again, &ignored))
        LOG_E("the state before the failed load could not be restored: %s",
              ignored.text);
    if (rc == RC_OK) {
        load_clock(s, archive_part(bytes, CLOCK_PART));
        if (clock_keep(s->e.clock, s->e.state_dir, &ignored))
            LOG_E("a restart will not know the clock: %s", ignored.text);
    }
out:
    buf_fini(&old);
    return rc;
}

/* --- provide -------------------------------------------------------------- */

struct step {
    struct shell *shell;
    service_done *done;
    void *arg;
    struct service *only; /* reset: NULL for all */
    size_t next;
    struct set {
        char from[PROVISION_NAME]; /* for messages */
        char *json;
    } sets[N_SETS];
    size_t set, n_sets;
};

static void step_end(struct step *step, int rc, const char *text)
{
    service_done *done = step->done;
    void *arg = step->arg;
    struct set sets[N_SETS];

    memcpy(sets, step->sets, sizeof(sets));

    mem_free(step);
    done(arg, rc, text);
    for (size_t i = 0; i < N_SETS; i++)
        mem_free(sets[i].json);
}

static void provide_next(struct step *step);

static void on_provided(void *arg, int rc, const char *text)
{
    struct step *step = arg;
    struct err err;

    if (rc) {
        err_set(&err, RC_INVALID, "%s: %s", step->sets[step->set].from, text);
        step_end(step, rc, err.text);
        return;
    }
    step->set++;
    provide_next(step);
}

/* One service after the other, the last first: what Pub/Sub's subscriptions
 * write into is there before them, whichever file names it. */
static void provide_next(struct step *step)
{
    struct shell *s = step->shell;
    struct service *service;
    struct err err = {0};
    struct str json;
    int rc;

    if (step->set == step->n_sets) {
        step->set = 0;
        step->next++;
    }
    if (step->next >= s->n) {
        step_end(step, RC_OK, "");
        return;
    }
    service = s->services[s->n - 1 - step->next];
    json = str_from(step->sets[step->set].json);
    if (!service->provide) {
        provision(service->rpc, s->options->project, json, on_provided, step);
        return;
    }
    rc = service->provide(service->self, json, &err);
    on_provided(step, rc, err.text);
}

static char *read_config(const char *path, struct err *err)
{
    struct buf text;
    char *out = NULL;
    size_t len;

    buf_init(&text, CONFIG_MAX);
    if (archive_read(path, &text, err) == RC_OK)
        out = buf_take(&text, &len);
    buf_fini(&text);
    return out;
}

/* --dataset */
static char *of_dataset(const char *project, const char *id)
{
    json_t *set = json_pack("{s:s, s:[s]}", "project", project, "datasets", id);
    char *text = json_dumps(set, JSON_COMPACT);

    json_decref(set);
    return text;
}

/* Takes the text; false: there is none. */
static bool add_set(struct step *step, const char *from, char *json)
{
    struct set *set = &step->sets[step->n_sets];

    if (!json)
        return false;
    snprintf(set->from, sizeof(set->from), "%s", from);
    set->json = json;
    step->n_sets++;
    return true;
}

/* PUBSUB_PROJECT1 and so on, up to the first that is not set. */
static bool add_variables(struct step *step, struct err *err)
{
    int i = 1;

    for (; i <= PROVISION_VARIABLES; i++) {
        char name[PROVISION_NAME];
        char *json = provision_variable(i, name);

        if (!add_set(step, name, json))
            break;
    }
    return provision_unread(i - 1, err) == RC_OK;
}

void state_provide(struct shell *s, service_done *done, void *arg)
{
    const struct options *o = s->options;
    struct step *step = MEM_NEW(struct step);
    struct err err = {0};
    bool ok;

    *step = (struct step){.shell = s, .done = done, .arg = arg};
    ok = add_set(step, "default resources", provision_defaults(o->project));
    ok = ok && add_variables(step, &err);
    if (ok && o->config)
        ok = add_set(step, "--config", read_config(o->config, &err));
    if (ok && o->dataset)
        ok = add_set(step, "--dataset", of_dataset(o->project, o->dataset));
    if (ok && o->data_from_yaml)
        ok = add_set(step, "--data-from-yaml",
                     seed_yaml_read(o->data_from_yaml, &err));
    if (!ok) {
        step_end(step, RC_INVALID, err.text);
        return;
    }
    provide_next(step);
}

/* --- reset ---------------------------------------------------------------- */

static void reset_next(struct step *step);

static void on_reset(void *arg, int rc, const char *text)
{
    struct step *step = arg;

    if (rc) {
        step_end(step, rc, text);
        return;
    }
    step->next++;
    reset_next(step);
}

static void reset_next(struct step *step)
{
    struct shell *s = step->shell;
    struct service *service;

    while (step->next < s->n && step->only &&
           s->services[step->next] != step->only)
        step->next++;
    if (step->next < s->n) {
        service = s->services[step->next];
        service->reset(service->self, on_reset, step);
        return;
    }
    /* what was not emptied has its resources already: they stay */
    state_provide(s, step->done, step->arg);
    mem_free(step);
}

int state_reset(struct shell *s, struct str service, service_done *done,
                void *arg, struct err *err)
{
    struct service *only = NULL;
    struct step *step;

    for (size_t i = 0; i < s->n && service.p; i++)
        if (str_eq(str_from(s->services[i]->name), service))
            only = s->services[i];
    if (service.p && !only)
        return err_set(err, RC_NOT_FOUND, "there is no service '%.*s'",
                       (int)(service.len > 40 ? 40 : service.len), service.p);
    step = MEM_NEW(struct step);
    *step = (struct step){.shell = s, .done = done, .arg = arg, .only = only};
    reset_next(step);
    return RC_OK;
}
