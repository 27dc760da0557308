/* SPDX-License-Identifier: Apache-2.0 */
/* `datos publish`: a thread makes messages (standard input may block, a rate
 * wants sleep), the loop sends them and counts the answers. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cloud.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/source.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "config/args.h"
#include "config/settings.h"
#include "net/google.h"
#include "pubsub/publisher.h"

enum {
    WINDOW_MESSAGES = 20000, /* made and not answered yet */
    WINDOW_BYTES = 64 * 1024 * 1024,
    CONNECTIONS = 4,
    PROGRESS_US = 100000,
    /* long enough for a service that restarts, short enough for a person */
    DEADLINE_S = 10,
    DEADLINE_US = DEADLINE_S * 1000000,
    PATIENCE_US = 700000, /* without an answer; then it is said */
};

struct job {
    const struct settings *settings;
    struct source source;
    double rate; /* messages a second; 0: as fast as they go */
    struct loop *loop;
    struct publisher *publisher;
    struct loop_timer progress, patience;
    const char *where; /* the service's address */
    struct loop_task source_done;
    bool show_progress;
    int64_t started_us;
    /* shared with the maker */
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t held, held_bytes;
    bool stopping;
    int source_rc;
    struct err source_err;
    /* the loop's */
    bool no_more, is_closing;
    uint64_t sent, published, failed;
    struct err first_err;
    bool interrupted;
    char last_id[40];
    char topic[300];
};

struct item {
    struct publish publish;
    struct loop_task task;
    struct job *job;
    struct buf data;
};

/* --- the maker ------------------------------------------------------------ */

/* Waits until one more may be made; false: stop. */
static bool wait_for_room(struct job *job)
{
    bool go;

    pthread_mutex_lock(&job->lock);
    while (!job->stopping &&
           (job->held >= WINDOW_MESSAGES || job->held_bytes >= WINDOW_BYTES))
        pthread_cond_wait(&job->room, &job->lock);
    go = !job->stopping;
    job->held += go;
    pthread_mutex_unlock(&job->lock);
    return go;
}

static void wait_for_rate(const struct job *job, uint64_t n)
{
    int64_t due_us = job->started_us + (int64_t)((double)n / job->rate * 1e6);
    int64_t wait_us = due_us - clock_mono_us();
    struct timespec ts = {.tv_sec = (time_t)(wait_us / US_PER_S),
                          .tv_nsec = (long)(wait_us % US_PER_S) * 1000};

    if (wait_us > 0)
        nanosleep(&ts, NULL);
}

static void send_item(struct loop_task *task);

static void *make_messages(void *arg)
{
    struct job *job = arg;
    int rc = RC_OK;

    for (uint64_t n = 0; rc == RC_OK && wait_for_room(job); n++) {
        struct item *item = MEM_NEW(struct item);

        if (job->rate > 0)
            wait_for_rate(job, n);
        buf_init(&item->data, SOURCE_MAX_BYTES);
        rc = source_next(&job->source, clock_wall_us(), &item->data,
                         &job->source_err);
        if (rc) {
            buf_fini(&item->data);
            mem_free(item);
            break;
        }
        item->job = job;
        item->task.run = send_item;
        pthread_mutex_lock(&job->lock);
        job->held_bytes += item->data.len;
        pthread_mutex_unlock(&job->lock);
        loop_post(job->loop, &item->task);
    }
    job->source_rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    loop_post(job->loop, &job->source_done);
    return NULL;
}

/* --- the loop ------------------------------------------------------------- */

static void on_closed(void *arg)
{
    struct job *job = arg;

    loop_stop(job->loop);
}

static void close_if_done(struct job *job)
{
    if (!job->no_more || job->is_closing ||
        job->published + job->failed < job->sent)
        return;
    job->is_closing = true;
    publisher_close(job->publisher, on_closed, job);
}

static void on_published(struct publish *publish)
{
    struct item *item = LOOP_OWNER(publish, struct item, publish);
    struct job *job = item->job;

    if (publish->rc == RC_OK) {
        job->published++;
        snprintf(job->last_id, sizeof(job->last_id), "%s", publish->id);
    } else if (job->failed++ == 0) {
        err_set(&job->first_err, RC_UNAVAILABLE, "%s",
                publish->err ? publish->err->text : rc_text(publish->rc));
    }
    pthread_mutex_lock(&job->lock);
    job->held--;
    job->held_bytes -= item->data.len;
    pthread_cond_signal(&job->room);
    pthread_mutex_unlock(&job->lock);
    buf_fini(&item->data);
    mem_free(item);
    close_if_done(job);
}

static void send_item(struct loop_task *task)
{
    struct item *item = LOOP_OWNER(task, struct item, task);
    struct job *job = item->job;

    if (job->is_closing) { /* interrupted: it was never sent */
        buf_fini(&item->data);
        mem_free(item);
        return;
    }
    job->sent++;
    item->publish.data = buf_as_str(&item->data);
    item->publish.done = on_published;
    publisher_send(job->publisher, &item->publish);
}

static void on_source_done(struct loop_task *task)
{
    struct job *job = LOOP_OWNER(task, struct job, source_done);

    job->no_more = true;
    close_if_done(job);
}

static void stop_maker(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    job->stopping = true;
    pthread_cond_signal(&job->room);
    pthread_mutex_unlock(&job->lock);
}

static void on_interrupt(int signo, void *arg)
{
    struct job *job = arg;

    (void)signo;
    stop_maker(job);
    if (job->is_closing)
        return;
    job->interrupted = true;
    job->is_closing = true;
    publisher_close(job->publisher, on_closed, job);
}

static void on_patience(struct loop_timer *timer)
{
    struct job *job = LOOP_OWNER(timer, struct job, patience);

    if (job->sent > 0 && job->published + job->failed == 0)
        fprintf(stderr,
                "datos publish: no answer from %s yet, trying for %d s\n",
                job->where, DEADLINE_S);
}

/* --- what is shown -------------------------------------------------------- */

/* Messages a second; slow rates with their fraction. */
static void format_rate(char out[24], uint64_t n, double took_s)
{
    double rate = took_s > 0 ? (double)n / took_s : 0;

    snprintf(out, 24, "%.*f", rate < 10 ? 1 : 0, rate);
}

static void show_progress(struct job *job, bool last)
{
    int64_t total = source_total(&job->source);
    uint64_t n = job->published + job->failed;
    double took_s = (double)(clock_mono_us() - job->started_us) / 1e6;
    char bar[31] = "", rate[24];

    format_rate(rate, n, took_s);
    if (total > 0) {
        size_t full = (size_t)((double)n / (double)total * 30);

        memset(bar, ' ', sizeof(bar) - 1);
        memset(bar, '#', full > 30 ? 30 : full);
        bar[30] = '\0';
        fprintf(stderr, "\r[%s] %" PRIu64 "/%" PRId64 "  %s/s ", bar, n, total,
                rate);
    } else {
        fprintf(stderr, "\r%" PRIu64 " published  %s/s ", n, rate);
    }
    if (last)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

static void on_progress(struct loop_timer *timer)
{
    struct job *job = LOOP_OWNER(timer, struct job, progress);

    show_progress(job, false);
    loop_timer_arm(timer, PROGRESS_US);
}

static int conclude(const struct job *job)
{
    double took_s = (double)(clock_mono_us() - job->started_us) / 1e6;
    char rate[24];

    format_rate(rate, job->published, took_s);
    if (job->published == 1 && source_total(&job->source) == 1)
        printf("published message %s to %s\n", job->last_id, job->topic);
    else
        printf("published %" PRIu64 " message%s to %s in %.2f s (%s a "
               "second)\n",
               job->published, job->published == 1 ? "" : "s", job->topic,
               took_s, rate);
    if (job->source_rc)
        fprintf(stderr, "datos publish: stopped: %s\n", job->source_err.text);
    if (job->failed)
        fprintf(stderr, "datos publish: %" PRIu64 " failed: %s\n", job->failed,
                job->first_err.text);
    if (job->interrupted)
        fputs("datos publish: interrupted\n", stderr);
    return job->failed || job->source_rc || job->interrupted ? ARGS_EXIT_FAILED
                                                             : 0;
}

/* --- set-up ----------------------------------------------------------------
 */

static int run(struct job *job)
{
    const struct publisher_config config = {
        .project = job->settings->project,
        .topic = job->settings->topic,
        .requests = CONNECTIONS,
        .deadline_us = DEADLINE_US,
    };
    struct cloud cloud;
    pthread_t maker;
    struct err err;
    int code;

    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->room, NULL);
    job->loop = loop_new();
    if (cloud_open(&cloud, job->settings, job->loop, CONNECTIONS, &err)) {
        loop_free(job->loop);
        fprintf(stderr, "datos publish: %s\n", err.text);
        return ARGS_EXIT_FAILED;
    }
    job->publisher = publisher_new(job->loop, cloud.google, &config);
    snprintf(job->topic, sizeof(job->topic), "%s",
             publisher_topic(job->publisher));
    job->source_done.run = on_source_done;
    job->show_progress = isatty(STDERR_FILENO);
    job->started_us = clock_mono_us();
    loop_on_terminate(job->loop, on_interrupt, job);
    loop_timer_init(&job->progress, job->loop, on_progress);
    if (job->show_progress && source_total(&job->source) != 1)
        loop_timer_arm(&job->progress, PROGRESS_US);
    loop_timer_init(&job->patience, job->loop, on_patience);
    job->where = google_endpoint(cloud.google)->base;
    loop_timer_arm(&job->patience, PATIENCE_US);
    if (pthread_create(&maker, NULL, make_messages, job) != 0) {
        fputs("datos publish: cannot start a thread\n", stderr);
        return ARGS_EXIT_FAILED;
    }
    loop_run(job->loop);
    if (loop_timer_is_armed(&job->progress))
        show_progress(job, true);
    code = conclude(job);
    /* interrupted: the maker may sit in a read that nothing ends; the process
     * does, and takes it along */
    if (!job->no_more) {
        fflush(stdout);
        _exit(code);
    }
    pthread_join(maker, NULL);
    loop_timer_fini(&job->progress);
    loop_timer_fini(&job->patience);
    cloud_close(&cloud);
    loop_free(job->loop);
    return code;
}

enum {
    N_FLAGS = 5
};

struct wishes {
    const char *id, *contenido, *timestamp;
    int64_t count;
    double rate;
};

static void fill_flags(struct args_flag *f, struct wishes *w)
{
    const struct args_flag flags[N_FLAGS] = {
        {"--id", ARGS_TEXT, &w->id, 0, 0, "ID", "one message with this id"},
        {"--contenido", ARGS_TEXT, &w->contenido, 0, 0, "TEXT", "its content"},
        {"--timestamp", ARGS_TEXT, &w->timestamp, 0, 0, "TIME",
         "its time, RFC 3339; default: now"},
        {"--count", ARGS_INT, &w->count, 0, 1000000000, "N",
         "this many generated messages"},
        {"--rate", ARGS_REAL, &w->rate, 0, 10000000, "R",
         "at most so many a second; 0: as fast as they go"},
    };

    memcpy(f, flags, sizeof(flags));
}

static int check(const struct wishes *w, struct err *err)
{
    if (!w->id && (w->contenido || w->timestamp))
        return err_set(err, RC_INVALID,
                       "--contenido and --timestamp want an --id");
    if (w->id && w->count >= 0)
        return err_set(err, RC_INVALID,
                       "--id and --count contradict each "
                       "other");
    if (!w->id && w->count < 0 && isatty(STDIN_FILENO))
        return err_set(err, RC_INVALID,
                       "what? --id ID [--contenido TEXT], --count N, or JSON "
                       "lines on standard input");
    return RC_OK;
}

/* To see a refusal is a use; to be surprised by one is not. */
static void foretell(const struct wishes *w)
{
    const char *why = NULL;
    int64_t at_us;

    if (w->id && !*w->id)
        LOG_W("--id is empty: ingest will refuse the message to the "
              "dead-letter topic (schema)");
    if ((w->id && !json_is_utf8(str_from(w->id))) ||
        (w->contenido && !json_is_utf8(str_from(w->contenido))))
        LOG_W("--id or --contenido is not UTF-8: ingest will refuse the "
              "message to the dead-letter topic (malformed)");
    if (w->timestamp && timefmt_parse(str_from(w->timestamp), &at_us, &why))
        LOG_W("--timestamp=%.60s: %s; ingest will refuse the message to the "
              "dead-letter topic (schema)",
              w->timestamp, why);
}

static int start(const struct settings *s, const struct wishes *w)
{
    struct job job = {.settings = s, .rate = w->rate};
    enum log_level level = LOG_INFO;

    job.source = (struct source){
        .id = w->id,
        .contenido = w->contenido,
        .timestamp = w->timestamp,
        .count = w->count,
        .lines = !w->id && w->count < 0 ? stdin : NULL,
    };
    (void)log_level_parse(str_from(s->log), &level);
    log_init(level, "publish", s->system);
    foretell(w);
    return run(&job);
}

int cli_publish(int argc, char **argv)
{
    struct wishes w = {.count = -1};
    struct args_flag flags[N_FLAGS];
    struct settings s;
    struct place place = {NULL, NULL};
    struct err err;
    int code;

    fill_flags(flags, &w);
    code = command_open("publish", flags, N_FLAGS, argc, argv, &s);
    if (code)
        return code;
    if (check(&w, &err))
        code = args_refuse("publish", &err);
    else if (place_tell(&place, &s, "publish"))
        code = ARGS_EXIT_FAILED;
    else
        code = start(&s, &w);
    place_fini(&place);
    settings_free(&s);
    return code;
}

void cli_publish_help(FILE *out)
{
    struct wishes w;
    struct args_flag flags[N_FLAGS];

    fill_flags(flags, &w);
    args_print_help(flags, N_FLAGS, out);
    fputs("\nWithout --id and --count: JSON lines from standard input, each "
          "one message's data, unchanged.\n\n",
          out);
    settings_print_help(out, NULL);
}
