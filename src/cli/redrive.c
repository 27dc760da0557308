/* SPDX-License-Identifier: Apache-2.0 */
/* `datos redrive`: dead-lettered messages back to the topic: pulled,
 * published, and only then acknowledged, so that none is lost on the way. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cloud.h"
#include "cli/command.h"
#include "cli/letter.h"
#include "cli/place.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "config/args.h"
#include "config/settings.h"
#include "pubsub/publisher.h"
#include "pubsub/pull_subscriber.h"

enum {
    HELD_MESSAGES = 10000, /* looked at and not acknowledged */
    HELD_BYTES = 256 * 1024 * 1024,
    CONNECTIONS = 8,
    PULLS = 2,
    DEADLINE_US = 20 * 1000000, /* of a publish */
    FIRST_WORD_US = 10 * 1000000,
    QUIET_US = 2 * 1000000, /* no message for so long: that was all */
    QUIET_GOOGLE_US = 6 * 1000000,
    GRACE_US = 3 * 1000000
};

struct wishes {
    bool dry_run;
    const char *reason; /* NULL: any */
    int64_t limit;      /* -1: none */
};

struct job {
    const struct settings *settings;
    const struct wishes *wishes;
    struct loop *loop;
    struct cloud cloud;
    struct subscriber *subscriber;
    struct publisher *publisher;
    struct loop_timer quiet;
    int64_t quiet_us;
    struct letter *held; /* to be given back at the end */
    struct letter_set sent;
    uint64_t taken, moved, failed, passed_over;
    size_t in_flight;
    struct err first_err;
    char why_down[200];
    char topic[300];
    bool is_up, is_ending, interrupted;
};

static void end_if_done(struct job *job);

/* --- a message --------------------------------------------------------------
 */

static void hold(struct job *job, struct letter *l)
{
    l->next = job->held;
    job->held = l;
}

static void on_published(struct publish *publish)
{
    struct letter *l = LOOP_OWNER(publish, struct letter, publish);
    struct job *job = l->owner;

    job->in_flight--;
    if (publish->rc == RC_OK) {
        job->moved++;
        letter_set_add(&job->sent, str_from(publish->id));
        subscriber_ack(job->subscriber, l->message);
        letter_free(l);
    } else {
        if (job->failed++ == 0)
            err_set(&job->first_err, RC_UNAVAILABLE, "%s",
                    publish->err ? publish->err->text : rc_text(publish->rc));
        hold(job, l);
    }
    end_if_done(job);
}

/* A letter whose message this run has published is refused once more: to
 * redrive it again would go on for ever. */
static bool is_wanted(const struct job *job, const struct letter *l)
{
    const char *reason = job->wishes->reason;

    return (!reason || str_eq(l->reason, str_from(reason))) &&
           !letter_set_has(&job->sent, l->source_id) && !job->is_ending &&
           (job->wishes->limit < 0 ||
            job->taken < (uint64_t)job->wishes->limit);
}

static void on_message(struct message *message, void *arg)
{
    struct job *job = arg;
    struct letter *l = letter_new(message, job);

    loop_timer_arm(&job->quiet, job->quiet_us);
    if (!is_wanted(job, l)) {
        job->passed_over++;
        hold(job, l);
        return;
    }
    job->taken++;
    if (job->wishes->dry_run) {
        printf("%.*s  %.*s  %.*s  %.*s\n", STR_ARG(message->id),
               STR_ARG(l->reason), STR_ARG(l->field), STR_ARG(l->detail));
        hold(job, l);
    } else {
        job->in_flight++;
        l->publish.done = on_published;
        publisher_send(job->publisher, &l->publish);
    }
    if (job->wishes->limit >= 0 && job->taken == (uint64_t)job->wishes->limit) {
        subscriber_pause(job->subscriber);
        loop_timer_arm(&job->quiet, 0);
    }
}

static void on_state(bool up, const char *why, void *arg)
{
    struct job *job = arg;

    if (up && !job->is_up)
        loop_timer_arm(&job->quiet, job->quiet_us);
    job->is_up = job->is_up || up;
    if (!up)
        snprintf(job->why_down, sizeof(job->why_down), "%.190s", why);
}

/* --- the end ----------------------------------------------------------------
 */

static void on_published_all(void *arg)
{
    loop_stop(((struct job *)arg)->loop);
}

static void on_returned_all(void *arg)
{
    struct job *job = arg;

    publisher_close(job->publisher, on_published_all, job);
}

static void end_if_done(struct job *job)
{
    if (!job->is_ending || job->in_flight)
        return;
    while (job->held) {
        struct letter *l = job->held;
        job->held = l->next;
        subscriber_return(job->subscriber, l->message);
        letter_free(l);
    }
    subscriber_close(job->subscriber, GRACE_US, on_returned_all, job);
}

static void begin_end(struct job *job)
{
    if (job->is_ending)
        return;
    job->is_ending = true;
    subscriber_pause(job->subscriber);
    end_if_done(job);
}

static void on_quiet(struct loop_timer *t)
{
    begin_end(LOOP_OWNER(t, struct job, quiet));
}

static void on_interrupt(int signo, void *arg)
{
    struct job *job = arg;

    (void)signo;
    job->interrupted = true;
    begin_end(job);
}

static int conclude(const struct job *job)
{
    if (!job->is_up) {
        fprintf(stderr, "datos redrive: %s does not answer: %s\n",
                job->settings->dead_letter_subscription,
                job->why_down[0] ? job->why_down : "no word in 10 s");
        return ARGS_EXIT_FAILED;
    }
    if (job->wishes->dry_run)
        printf("%" PRIu64 " message%s would go to %s\n", job->taken,
               job->taken == 1 ? "" : "s", job->topic);
    else
        printf("redrove %" PRIu64 " message%s to %s\n", job->moved,
               job->moved == 1 ? "" : "s", job->topic);
    if (job->passed_over)
        printf("%" PRIu64 " left where they are\n", job->passed_over);
    if (job->failed)
        fprintf(stderr,
                "datos redrive: %" PRIu64 " could not be published and stay: "
                "%s\n",
                job->failed, job->first_err.text);
    if (job->interrupted)
        fputs("datos redrive: interrupted\n", stderr);
    return job->failed || job->interrupted ? ARGS_EXIT_FAILED : 0;
}

/* --- set-up --------------------------------------------------------------- */

static int run(struct job *job)
{
    const struct settings *s = job->settings;
    const struct publisher_config to = {
        .project = s->project,
        .topic = s->topic,
        .requests = CONNECTIONS - PULLS,
        .deadline_us = DEADLINE_US,
    };
    const struct subscriber_config from = {
        .project = s->project,
        .subscription = s->dead_letter_subscription,
        .max_messages = HELD_MESSAGES,
        .max_bytes = HELD_BYTES,
        .pulls = PULLS,
        .on_message = on_message,
        .on_state = on_state,
        .arg = job,
    };

    job->publisher = publisher_new(job->loop, job->cloud.google, &to);
    snprintf(job->topic, sizeof(job->topic), "%s",
             publisher_topic(job->publisher));
    job->subscriber = pull_subscriber_new(job->loop, job->cloud.google, &from);
    loop_on_terminate(job->loop, on_interrupt, job);
    loop_timer_arm(&job->quiet, FIRST_WORD_US);
    loop_run(job->loop);
    return conclude(job);
}

static int start(const struct settings *s, const struct wishes *w)
{
    struct job job = {.settings = s, .wishes = w};
    enum log_level level = LOG_WARN;
    struct err err;
    int code = ARGS_EXIT_FAILED;

    signal(SIGPIPE, SIG_IGN);
    (void)log_level_parse(str_from(s->log), &level);
    log_init(level, "redrive", s->system);
    job.loop = loop_new();
    loop_timer_init(&job.quiet, job.loop, on_quiet);
    if (cloud_open(&job.cloud, s, job.loop, CONNECTIONS, &err)) {
        fprintf(stderr, "datos redrive: %s\n", err.text);
    } else {
        job.quiet_us = job.cloud.tokens ? QUIET_GOOGLE_US : QUIET_US;
        code = run(&job);
    }
    loop_timer_fini(&job.quiet);
    letter_set_fini(&job.sent);
    cloud_close(&job.cloud);
    loop_free(job.loop);
    return code;
}

enum {
    N_FLAGS = 3
};

static void fill_flags(struct args_flag *f, struct wishes *w)
{
    const struct args_flag flags[N_FLAGS] = {
        {"--dry-run", ARGS_FLAG, &w->dry_run, 0, 0, NULL,
         "show what would go (id, reason, field, detail); nothing moves"},
        {"--reason", ARGS_TEXT, &w->reason, 0, 0, "WORD",
         "only these: malformed, schema, conflict, too_large, rejected, or "
         "delivery (Pub/Sub's own dead letters)"},
        {"--limit", ARGS_INT, &w->limit, 1, INT64_MAX, "N", "at most so many"},
    };

    memcpy(f, flags, sizeof(flags));
}

static int check(const struct wishes *w, struct err *err)
{
    if (!w->reason || letter_is_reason(str_from(w->reason)))
        return RC_OK;
    return err_set(err, RC_INVALID,
                   "--reason=%.60s: must be malformed, schema, conflict, "
                   "too_large, rejected or delivery",
                   w->reason);
}

int cli_redrive(int argc, char **argv)
{
    struct wishes w = {.limit = -1};
    struct args_flag flags[N_FLAGS];
    struct settings s;
    struct place place = {NULL, NULL};
    struct err err;
    int code;

    fill_flags(flags, &w);
    code = command_open("redrive", flags, N_FLAGS, argc, argv, &s);
    if (code)
        return code;
    if (check(&w, &err))
        code = args_refuse("redrive", &err);
    else if (place_tell(&place, &s, "redrive"))
        code = ARGS_EXIT_FAILED;
    else
        code = start(&s, &w);
    place_fini(&place);
    settings_free(&s);
    return code;
}

void cli_redrive_help(FILE *out)
{
    struct wishes w;
    struct args_flag flags[N_FLAGS];

    fill_flags(flags, &w);
    args_print_help(flags, N_FLAGS, out);
    fputs("\nFrom DATOS_DEAD_LETTER_SUBSCRIPTION back to DATOS_TOPIC; the "
          "attribute datos-redrive-count counts how often.\n\n",
          out);
    settings_print_help(out, NULL);
}
