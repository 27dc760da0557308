/* SPDX-License-Identifier: Apache-2.0 */
/* `datos api`, `datos ingest`: settings, checks, then the role; and the two
 * in one process for small systems (`datos api --with-ingest`). */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "api/api.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/place.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "config/args.h"
#include "config/settings.h"
#include "ingest/ingest.h"
#include "net/credentials.h"

#define GUEST_STOP_US (7 * US_PER_S) /* the API's own grace is 8 s */

/* --- ingest as the API's guest ------------------------------------------- */

struct guest {
    struct ingest *ingest;
    struct token_source *tokens; /* NULL: an emulator wants none */
};

static void free_guest(void *arg)
{
    struct guest *g = arg; /* ingest_stop has freed its ingest */

    token_source_free(g->tokens);
    mem_free(g);
}

static bool is_push(const struct settings *s)
{
    return s->ingest && strcmp(s->ingest, "push") == 0;
}

static int open_google(struct guest *g, const struct api_host *host,
                       struct err *err)
{
    const struct settings *s = host->settings;

    if (s->pubsub_emulator_host && s->pubsub_emulator_host[0])
        return RC_OK;
    return credentials_open(host->loop, &g->tokens, err);
}

static int start_guest(const struct api_host *host, void **guest,
                       struct err *err)
{
    const struct settings *s = host->settings;
    struct guest *g = MEM_NEW(struct guest);
    int rc = open_google(g, host, err);
    const struct ingest_config config = {
        .project = s->project,
        .subscription = s->subscription,
        .dead_letter_topic = s->dead_letter_topic,
        .pubsub_emulator_host = s->pubsub_emulator_host,
        .tokens = g->tokens,
        .schema = host->schema,
        .max_future_s = s->max_future_s,
        .store = host->store,
        .channel = host->channel,
        .metrics = host->metrics,
        .is_push = is_push(s),
        .on_commit = host->on_commit,
        .arg = host->on_commit_arg,
    };

    if (rc == RC_OK)
        rc = ingest_new(host->loop, &config, &g->ingest, err);
    if (rc == RC_OK)
        *guest = g;
    else
        free_guest(g);
    return rc;
}

/* One pushed message on its way through ingest. */
struct pushed {
    struct ingest_push push;
    struct api_push *from;
    struct message_attribute *attributes;
};

static void on_pushed(struct ingest_push *push)
{
    struct pushed *p = LOOP_OWNER(push, struct pushed, push);
    struct api_push *from = p->from;

    from->ok = push->ok;
    mem_free(p->attributes);
    mem_free(p);
    from->done(from);
}

static void push_guest(void *guest, struct api_push *from)
{
    struct pushed *p = MEM_NEW(struct pushed);

    p->from = from;
    p->attributes = MEM_ARRAY(struct message_attribute, from->n_attributes + 1);
    for (size_t i = 0; i < from->n_attributes; i++)
        p->attributes[i] = (struct message_attribute){
            from->attributes[i].key, from->attributes[i].value};
    p->push.message = (struct message){
        .id = from->id,
        .data = from->data,
        .attributes = p->attributes,
        .n_attributes = from->n_attributes,
        .ordering_key = from->ordering_key,
        .publish_us = from->publish_us,
        .delivery_attempt = from->delivery_attempt,
    };
    p->push.done = on_pushed;
    ingest_push(((struct guest *)guest)->ingest, &p->push);
}

static void stop_guest(void *guest, void (*done)(void *arg), void *arg)
{
    ingest_stop(((struct guest *)guest)->ingest, GUEST_STOP_US, done, arg);
}

static const struct api_guest ingest_guest = {
    .start = start_guest,
    .push = push_guest,
    .stop = stop_guest,
    .free = free_guest,
};

/* --- the roles ------------------------------------------------------------ */

enum {
    N_FLAGS = 2
};

struct role_options {
    int64_t ready_fd;
    bool with_ingest;
};

/* The last one is the API's alone. */
static void fill_flags(struct args_flag *f, struct role_options *o)
{
    f[0] = (struct args_flag){"--ready-fd", ARGS_INT, &o->ready_fd, 0,
                              1 << 20,      "N",      NULL};
    f[1] = (struct args_flag){"--with-ingest",
                              ARGS_FLAG,
                              &o->with_ingest,
                              0,
                              0,
                              NULL,
                              "ingest in the same process: for small systems"};
}

static int serve(struct settings *s, bool is_api, const struct role_options *o)
{
    const struct api_options options = {
        .ready_fd = (int)o->ready_fd,
        .guest = o->with_ingest || is_push(s) ? &ingest_guest : NULL,
    };
    bool needs_google =
        !is_api || options.guest || strcmp(s->store, "bigquery") == 0;
    struct place place;
    struct err err;
    int code = 1;

    if (place_find(&place, s, needs_google, &err))
        LOG_E("%s cannot start: %s", is_api ? "the API" : "ingest", err.text);
    else
        code = is_api ? api_run(s, &options) : ingest_main(s, (int)o->ready_fd);
    place_fini(&place);
    return code;
}

/* A role that the settings turn off is no role to start. */
static int check_ingest(const struct settings *s, bool is_api,
                        const struct role_options *o, struct err *err)
{
    const char *how = s->ingest ? s->ingest : "pull";

    if (!is_api && strcmp(how, "push") == 0)
        return err_set(err, RC_INVALID,
                       "DATOS_INGEST=push: pushed messages are taken by `datos "
                       "api`; this role pulls: set pull, or do not start it");
    if (!is_api && strcmp(how, "off") == 0)
        return err_set(err, RC_INVALID,
                       "DATOS_INGEST=off: ingest is turned off; set pull, or "
                       "do not start this role");
    if (is_api && o->with_ingest && strcmp(how, "off") == 0)
        return err_set(err, RC_INVALID,
                       "--with-ingest and DATOS_INGEST=off contradict each "
                       "other; leave out one of them");
    return RC_OK;
}

static int run_role(const char *name, bool is_api, int argc, char **argv)
{
    struct role_options o = {.ready_fd = -1};
    size_t n_flags = is_api ? N_FLAGS : N_FLAGS - 1;
    struct args_flag flags[N_FLAGS];
    enum log_level level = LOG_INFO;
    struct settings s;
    struct err err;
    int code;

    fill_flags(flags, &o);
    code = command_open(name, flags, n_flags, argc, argv, &s);
    if (code)
        return code;
    if (settings_check_start(&s, is_api, &err) ||
        check_ingest(&s, is_api, &o, &err)) {
        code = args_refuse(name, &err);
    } else {
        (void)log_level_parse(str_from(s.log), &level);
        log_init(level, name, s.system);
        /* a peer that went away, or a file at its limit, is an error code,
         * not a death */
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
        code = serve(&s, is_api, &o);
    }
    settings_free(&s);
    return code;
}

int cli_api(int argc, char **argv)
{
    return run_role("api", true, argc, argv);
}

void cli_api_help(FILE *out)
{
    struct role_options o;
    struct args_flag flags[N_FLAGS];

    fill_flags(flags, &o);
    args_print_help(flags, N_FLAGS, out);
    settings_print_help(out, NULL);
}

int cli_ingest(int argc, char **argv)
{
    return run_role("ingest", false, argc, argv);
}

void cli_ingest_help(FILE *out)
{
    settings_print_help(out, NULL);
}
