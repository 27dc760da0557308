/* SPDX-License-Identifier: Apache-2.0 */
/* `datos doctor`: one check after the other, a line each: what it looked at,
 * what it found, and what to do. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/channel.h"
#include "cli/cli.h"
#include "cli/cloud.h"
#include "cli/command.h"
#include "cli/duty.h"
#include "cli/place.h"
#include "cli/rights.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "config/args.h"
#include "config/settings.h"
#include "net/google.h"
#include "pubsub/names.h"
#include "schema/schema.h"
#include "store/open.h"

enum finding {
    FINE,
    WARNING,
    FATAL
};

enum {
    CLOCK_OFF_S = 10,
    CLOCK_FATAL_S = 300
};
#define WAIT_US       (10 * US_PER_S)
#define REDIS_WAIT_US (3 * US_PER_S)

struct doctor {
    const struct settings *settings;
    struct duty duty; /* the roles whose settings these are */
    struct loop *loop;
    struct loop_timer start, timer; /* of the check under way */
    size_t step;
    unsigned n_warnings, n_fatal;
    struct cloud cloud;
    struct token_get token;
    bool is_stranger; /* to the service: it would refuse all */
    struct google_call call;
    char *path;
    char body[80];
    char date[128]; /* as the service's clock shows it */
    size_t resource;
    struct schema *schema;
    struct store *store;
    struct store_ping ping;
    bool has_table; /* in BigQuery, and it answered */
    struct rights rights;
    struct channel *channel;
};

static void say(struct doctor *d, enum finding f, const char *what,
                const char *text)
{
    static const char *const words[] = {"ok  ", "warn", "FAIL"};

    d->n_warnings += f == WARNING;
    d->n_fatal += f == FATAL;
    printf("%s  %-14s %s\n", words[f], what, text);
    fflush(stdout);
}

static void next(struct doctor *d);

/* --- without a server ----------------------------------------------------- */

static void check_configuration(struct doctor *d)
{
    struct err err;
    char text[128];

    snprintf(text, sizeof(text),
             "of datos %s; `datos config` shows each value and its source",
             duty_name(&d->duty));
    if (duty_check(&d->duty, d->settings, &err))
        say(d, FATAL, "configuration", err.text);
    else
        say(d, FINE, "configuration", text);
    next(d);
}

static void check_schema(struct doctor *d)
{
    struct err err;
    const char *path = d->settings->schema;

    if (schema_load(path, &d->schema, &err))
        say(d, FATAL, "schema", err.text);
    else
        say(d, FINE, "schema", path && *path ? path : "the shipped one");
    next(d);
}

/* --- credentials and Pub/Sub ---------------------------------------------- */

static void on_token(struct token_get *get)
{
    struct doctor *d = LOOP_OWNER(get, struct doctor, token);

    d->is_stranger = get->rc != RC_OK;
    if (get->rc)
        say(d, FATAL, "credentials", get->err.text);
    else
        say(d, FINE, "credentials", token_describe(d->cloud.tokens));
    next(d);
}

static void check_credentials(struct doctor *d)
{
    struct err err;

    if (cloud_open(&d->cloud, d->settings, d->loop, 2, &err)) {
        say(d, FATAL, "credentials", err.text);
        next(d);
    } else if (!d->cloud.tokens) {
        say(d, FINE, "credentials", "an emulator wants none");
        next(d);
    } else {
        d->token.done = on_token;
        token_get(d->cloud.tokens, &d->token);
    }
}

struct resource {
    const char *what, *kind;
    size_t setting; /* offset of its name */
    const char *permission;
    const char *only_for; /* a command that not every role runs, or NULL */
    bool is_pulls;        /* of who pulls, not of who is pushed to */
};

static const struct resource resources[] = {
    {"topic", "topics", offsetof(struct settings, topic),
     "pubsub.topics.publish", "datos publish", false},
    {"subscription", "subscriptions", offsetof(struct settings, subscription),
     "pubsub.subscriptions.consume", NULL, true},
    {"dead letters", "topics", offsetof(struct settings, dead_letter_topic),
     "pubsub.topics.publish", NULL, false},
    {"kept letters", "subscriptions",
     offsetof(struct settings, dead_letter_subscription),
     "pubsub.subscriptions.consume", "datos redrive", false},
};

static bool ingests(const struct doctor *d)
{
    return d->duty.pulls || d->duty.pushed;
}

/* By a role that these settings configure, or else by a person's command. */
static bool is_used(const struct doctor *d)
{
    const struct resource *r = &resources[d->resource];

    return !r->only_for && (d->duty.pulls || (d->duty.pushed && !r->is_pulls));
}

static char *name_of(const struct doctor *d)
{
    const struct resource *r = &resources[d->resource];
    const char *id =
        *(const char *const *)(const void *)((const char *)d->settings +
                                             r->setting);

    return pubsub_full_name(d->settings->project, r->kind, id);
}

static void ask(struct doctor *d, const char *method, const char *verb,
                struct str body, void (*done)(struct google_call *call))
{
    char *name = name_of(d);

    mem_free(d->path);
    d->path = verb ? pubsub_path(name, verb) : mem_printf("/v1/%s", name);
    mem_free(name);
    google_call_fini(&d->call);
    d->call = (struct google_call){.method = method,
                                   .path = d->path,
                                   .body = body,
                                   .total_us = WAIT_US,
                                   .done = done,
                                   .http.want_field = "date"};
    google_start(d->cloud.google, &d->call);
}

static void look_at_resource(struct doctor *d);

static void next_resource(struct doctor *d)
{
    if (++d->resource < sizeof(resources) / sizeof(resources[0]))
        look_at_resource(d);
    else
        next(d);
}

static void say_missing(struct doctor *d)
{
    char *name = name_of(d);
    char *text = mem_printf("%s is not there: make it (terraform apply), "
                            "or name another",
                            name);

    say(d, ingests(d) ? FATAL : WARNING, resources[d->resource].what, text);
    mem_free(text);
    mem_free(name);
}

/* A role's identity in the cloud is not to have the rights of a person who
 * publishes or redrives: there their lack is as it should be. */
static void say_denied(struct doctor *d)
{
    const struct resource *r = &resources[d->resource];
    char *name = name_of(d), *text;

    if (is_used(d))
        text = mem_printf("%s: the credential lacks %s: grant it", name,
                          r->permission);
    else if (r->only_for)
        text = mem_printf("%s: the credential lacks %s: grant it to who runs "
                          "%s",
                          name, r->permission, r->only_for);
    else
        text = mem_printf("%s: not used with DATOS_INGEST=%s", name,
                          d->settings->ingest);
    if (is_used(d))
        say(d, FATAL, r->what, text);
    else
        say(d, r->only_for && !d->settings->in_cloud ? WARNING : FINE, r->what,
            text);
    mem_free(text);
    mem_free(name);
}

/* testIamPermissions answers the permissions that the caller has. */
static void on_permissions(struct google_call *call)
{
    struct doctor *d = LOOP_OWNER(call, struct doctor, call);
    const struct resource *r = &resources[d->resource];
    struct str answer = buf_as_str(&call->http.response);
    char *name, *text;

    if (call->rc == RC_NOT_FOUND) {
        say_missing(d);
    } else if (call->rc == RC_OK && !memmem(answer.p, answer.len, r->permission,
                                            strlen(r->permission))) {
        say_denied(d);
    } else {
        name = name_of(d);
        text = mem_printf("%s%s", name,
                          call->rc ? " (permissions could not be asked)" : "");
        say(d, FINE, r->what, text);
        mem_free(text);
        mem_free(name);
    }
    next_resource(d);
}

static void on_resource(struct google_call *call)
{
    struct doctor *d = LOOP_OWNER(call, struct doctor, call);
    const struct resource *r = &resources[d->resource];

    if (call->http.field[0])
        snprintf(d->date, sizeof(d->date), "%s", call->http.field);
    /* who may consume may not always look: what it may do is what counts */
    if (call->rc == RC_OK || call->rc == RC_DENIED) {
        snprintf(d->body, sizeof(d->body), "{\"permissions\":[\"%s\"]}",
                 r->permission);
        ask(d, "POST", ":testIamPermissions", str_from(d->body),
            on_permissions);
        return;
    }
    if (call->rc == RC_NOT_FOUND) {
        say_missing(d);
    } else {
        say(d, ingests(d) ? FATAL : WARNING, r->what, call->err.text);
        next(d); /* nobody there: the others neither */
        return;
    }
    next_resource(d);
}

static void look_at_resource(struct doctor *d)
{
    ask(d, "GET", NULL, STR_NULL, on_resource);
}

static void check_pubsub(struct doctor *d)
{
    if (d->cloud.google && !d->is_stranger)
        look_at_resource(d);
    else
        next(d);
}

/* --- the clock ------------------------------------------------------------ */

/* Tokens are refused when the two clocks are minutes apart. */
static void check_clock(struct doctor *d)
{
    struct tm tm = {0};
    const char *end =
        d->date[0] ? strptime(d->date, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    int64_t off_s = end ? clock_wall_us() / US_PER_S - timegm(&tm) : 0;
    char text[128];

    if (!end) {
        say(d, WARNING, "clock", "no service told its time to compare with");
    } else if (off_s > CLOCK_OFF_S || off_s < -CLOCK_OFF_S) {
        snprintf(text, sizeof(text),
                 "%lld s %s the service's: set this machine's clock (NTP)",
                 (long long)llabs(off_s), off_s > 0 ? "ahead of" : "behind");
        say(d, llabs(off_s) > CLOCK_FATAL_S ? FATAL : WARNING, "clock", text);
    } else {
        say(d, FINE, "clock", "agrees with the service's");
    }
    next(d);
}

/* --- store and Redis ------------------------------------------------------ */

static void on_ping(struct store_ping *op)
{
    struct doctor *d = LOOP_OWNER(op, struct doctor, ping);
    char *text = mem_printf("%s: answers, its table fits the schema",
                            d->settings->store);

    say(d, op->rc ? FATAL : FINE, "store", op->rc ? op->err.text : text);
    d->has_table = !op->rc && strcmp(d->settings->store, "bigquery") == 0;
    mem_free(text);
    next(d);
}

static void check_store(struct doctor *d)
{
    struct err err;

    if (!d->schema) {
        next(d);
        return;
    }
    if (store_open(d->settings, d->schema, &d->store, &err)) {
        say(d, FATAL, "store", err.text);
        next(d);
        return;
    }
    d->ping = (struct store_ping){.loop = d->loop, .done = on_ping};
    store_ping(d->store, &d->ping);
}

static void on_right(struct rights *r, bool is_fine, const char *what,
                     const char *text)
{
    say(LOOP_OWNER(r, struct doctor, rights), is_fine ? FINE : FATAL, what,
        text);
}

static void on_rights(struct rights *r)
{
    next(LOOP_OWNER(r, struct doctor, rights));
}

static void check_rights(struct doctor *d)
{
    struct err err;

    d->rights = (struct rights){.loop = d->loop,
                                .settings = d->settings,
                                .tokens = d->cloud.tokens,
                                .asks_queries = d->duty.serves,
                                .found = on_right,
                                .done = on_rights};
    if (!d->has_table) {
        next(d);
    } else if (rights_ask(&d->rights, &err)) {
        say(d, FATAL, "rows", err.text);
        next(d);
    }
}

static void on_channel(bool up, void *arg)
{
    struct doctor *d = arg;

    if (!up || !loop_timer_is_armed(&d->timer))
        return;
    loop_timer_cancel(&d->timer);
    say(d, FINE, "redis", "answers; invalidations flow");
    next(d);
}

static void on_timer(struct loop_timer *timer)
{
    struct doctor *d = LOOP_OWNER(timer, struct doctor, timer);

    say(d, FATAL, "redis",
        "REDIS_URL: nobody answers there within 3 s: start Redis, or correct "
        "the address (`datos config` shows it)");
    next(d);
}

static void check_redis(struct doctor *d)
{
    struct channel_config config = {
        .redis_url = d->settings->redis_url,
        .ca_file = d->settings->redis_ca_file,
        .system = d->settings->system,
        .subscribe = true,
        .on_state = on_channel,
        .arg = d,
    };
    struct err err;

    if (!config.redis_url || !config.redis_url[0]) {
        say(d, WARNING, "redis",
            "REDIS_URL is not set: one process only, no ledger of repeats");
        next(d);
    } else if (channel_open(d->loop, &config, &d->channel, &err)) {
        say(d, FATAL, "redis", err.text);
        next(d);
    } else {
        loop_timer_arm(&d->timer, REDIS_WAIT_US);
    }
}

/* --- the whole ------------------------------------------------------------ */

static void (*const steps[])(struct doctor *d) = {
    check_configuration, check_schema, check_credentials, check_pubsub,
    check_clock,         check_store,  check_rights,      check_redis};

static void next(struct doctor *d)
{
    if (d->step < sizeof(steps) / sizeof(steps[0]))
        steps[d->step++](d);
    else
        loop_stop(d->loop);
}

static void on_start(struct loop_timer *timer)
{
    next(LOOP_OWNER(timer, struct doctor, start));
}

static int run(struct settings *s)
{
    struct doctor d = {.settings = s, .duty = duty_of(s)};
    struct place place;
    struct err err;

    signal(SIGPIPE, SIG_IGN);
    d.loop = loop_new();
    loop_timer_init(&d.timer, d.loop, on_timer);
    loop_timer_init(&d.start, d.loop, on_start);
    if (place_find(&place, s, true, &err))
        say(&d, FATAL, "project", err.text);
    loop_timer_arm(&d.start, 0);
    loop_run(d.loop);
    if (d.channel)
        channel_close(d.channel);
    if (d.store)
        store_close(d.store);
    google_call_fini(&d.call);
    rights_fini(&d.rights);
    cloud_close(&d.cloud);
    loop_timer_fini(&d.start);
    loop_timer_fini(&d.timer);
    loop_free(d.loop);
    schema_free(d.schema);
    mem_free(d.path);
    place_fini(&place);
    printf("%s: %u fatal, %u to look at\n",
           d.n_fatal ? "not healthy" : "healthy", d.n_fatal, d.n_warnings);
    return d.n_fatal ? ARGS_EXIT_FAILED : 0;
}

int cli_doctor(int argc, char **argv)
{
    enum log_level level = LOG_INFO;
    struct settings s;
    int code = command_open("doctor", NULL, 0, argc, argv, &s);

    if (code)
        return code;
    /* findings, not log lines */
    (void)log_level_parse(str_from(s.log), &level);
    log_init(level <= LOG_INFO ? LOG_OFF : level, "doctor", s.system);
    code = run(&s);
    settings_free(&s);
    return code;
}

void cli_doctor_help(FILE *out)
{
    settings_print_help(out, NULL);
}
