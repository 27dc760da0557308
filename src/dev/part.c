/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"
#include "dev/dev.h"
#include "dev/push.h"
#include "dev/spawn.h"
#include "dev/state.h"

enum {
    MAX_ARGS = 40
};

static const char *const names[N_PARTS] = {"redis", "emulator", "ingest",
                                           "api"};

/* Redis and the emulator wait for nobody; the others want both answering, so
 * that no connection begins with a failure and its backoff. */
static const unsigned needs[N_PARTS] = {
    [PART_INGEST] = 1U << PART_REDIS | 1U << PART_EMULATOR,
    [PART_API] = 1U << PART_REDIS | 1U << PART_EMULATOR,
};

/* --- command lines ------------------------------------------------------- */

struct words {
    char *argv[MAX_ARGS];
    unsigned n;
};

static void word(struct words *w, const char *text)
{
    if (w->n + 1 < MAX_ARGS)
        w->argv[w->n++] = mem_strdup(text);
}

static void flag(struct words *w, const char *name, const char *value)
{
    word(w, name);
    word(w, value);
}

static void number(struct words *w, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    flag(w, name, text);
}

static void redis_words(const struct parts *p, struct words *w)
{
    char *log = mem_printf("%s/redis.log", p->state->dir);

    word(w, "redis-server");
    number(w, "--port", 0);
    flag(w, "--unixsocket", p->redis_socket);
    number(w, "--unixsocketperm", 700);
    flag(w, "--dir", p->state->dir);
    flag(w, "--logfile", log);
    flag(w, "--save", "");
    flag(w, "--appendonly", p->options->memory ? "no" : "yes");
    flag(w, "--daemonize", "no");
    flag(w, "--loglevel", "notice");
    mem_free(log);
}

static void emulator_words(const struct parts *p, struct words *w)
{
    char *path = mem_printf("%s/datos-emulator", p->own_dir);
    char *dir = mem_printf("%s/emulator", p->state->dir);

    word(w, path);
    number(w, "--pubsub-port", p->pubsub_port);
    number(w, "--bigquery-port", p->bigquery_port);
    number(w, "--bigquery-grpc-port", p->bigquery_grpc_port);
    number(w, "--console-port", p->console_port);
    flag(w, "--project", p->options->project);
    if (p->options->memory)
        word(w, "--memory");
    else
        flag(w, "--state", dir);
    if (p->options->seed >= 0)
        number(w, "--seed", p->options->seed);
    mem_free(dir);
    mem_free(path);
}

static void role_words(const struct parts *p, struct words *w, const char *role)
{
    char *path = mem_printf("%s/datos", p->own_dir);

    word(w, path);
    word(w, role);
    mem_free(path);
}

/* As Terraform sets it up in the cloud, with the emulator's keys. */
static void push_words(const struct parts *p, struct words *w)
{
    char *keys = mem_printf("http://127.0.0.1:%" PRId64 "/oauth2/v3/certs",
                            p->console_port);

    flag(w, "--ingest", "push");
    flag(w, "--push-auth", p->options->push_signs ? "jwt" : "none");
    if (p->options->push_signs) {
        flag(w, "--push-audience", p->options->push_audience);
        flag(w, "--push-service-account", p->options->push_account);
        flag(w, "--push-issuer", "https://accounts.google.com");
        flag(w, "--push-jwks-url", keys);
    }
    mem_free(keys);
}

static void words_of(const struct parts *p, enum part_id id, struct words *w)
{
    switch (id) {
    case PART_REDIS:
        redis_words(p, w);
        break;
    case PART_EMULATOR:
        emulator_words(p, w);
        break;
    case PART_INGEST:
        role_words(p, w, "ingest");
        number(w, "--admin-port", p->ingest_port);
        break;
    case PART_API:
        role_words(p, w, "api");
        number(w, "--port", p->api_port);
        if (dev_pushes(p))
            push_words(p, w);
        break;
    case N_PARTS:
        break;
    }
}

/* --- set-up -------------------------------------------------------------- */

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    struct str rest = str_from(path ? path : "/usr/local/bin:/usr/bin:/bin");

    while (rest.p) {
        struct str dir = str_cut(&rest, ':');
        char file[PATH_MAX];

        snprintf(file, sizeof(file), "%.*s/%s", STR_ARG(dir), program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

int parts_init(struct parts *parts, const struct dev_options *options,
               const struct dev_state *state, struct err *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    memset(parts, 0, sizeof(*parts));
    path[n > 0 ? n : 0] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    parts->options = options;
    parts->state = state;
    parts->own_dir = mem_strdup(path);
    parts->redis_socket = mem_printf("%s/redis.sock", state->socket_dir);
    parts->api_port = options->api_port;
    parts->pubsub_port = options->pubsub_port;
    parts->bigquery_port = options->bigquery_port;
    parts->bigquery_grpc_port = options->bigquery_grpc_port;
    parts->console_port = options->console_port;
    for (int i = 0; i < N_PARTS; i++) {
        parts->part[i].name = names[i];
        parts->part[i].phase = PART_WAITING;
        parts->part[i].ready_fd = -1;
    }
    if (strcmp(options->ingest, "pull") != 0)
        parts->part[PART_INGEST].phase = PART_ABSENT;
    if (options->no_redis)
        parts->part[PART_REDIS].phase = PART_ABSENT;
    else if (!in_path("redis-server"))
        return err_set(err, RC_NOT_FOUND,
                       "redis-server is not installed: apt-get install "
                       "redis-server, or go without it: --no-redis");
    /* left by a Redis that was killed */
    unlink(parts->redis_socket);
    return RC_OK;
}

void parts_fini(struct parts *parts)
{
    for (int i = 0; i < N_PARTS; i++) {
        if (parts->part[i].ready_fd >= 0)
            close(parts->part[i].ready_fd);
    }
    if (parts->redis_socket)
        unlink(parts->redis_socket);
    mem_free(parts->own_dir);
    mem_free(parts->redis_socket);
}

/* --- life ---------------------------------------------------------------- */

bool part_may_start(const struct parts *parts, enum part_id id)
{
    for (int i = 0; i < N_PARTS; i++) {
        enum part_phase phase = parts->part[i].phase;

        if ((needs[id] & 1U << i) && phase != PART_READY &&
            phase != PART_ABSENT)
            return false;
    }
    return true;
}

bool part_start(struct parts *parts, enum part_id id)
{
    struct part *part = &parts->part[id];
    struct spawn_options options = {.is_part = true, .keep_fd = -1};
    struct words w = {.n = 0};
    int fds[2] = {-1, -1};
    bool tells = id != PART_REDIS;

    if (tells && pipe2(fds, O_CLOEXEC) != 0)
        return false;
    words_of(parts, id, &w);
    if (tells)
        number(&w, "--ready-fd", fds[1]);
    options.keep_fd = fds[1];
    part->pid = spawn_process(w.argv, &options);
    for (unsigned i = 0; i < w.n; i++)
        mem_free(w.argv[i]);
    if (tells)
        close(fds[1]);
    if (part->pid < 0) {
        part->pid = 0;
        if (tells)
            close(fds[0]);
        return false;
    }
    part->ready_fd = fds[0];
    part->line_len = 0;
    part->started_us = clock_mono_us();
    part->probe_us = part->started_us;
    part->phase = tells ? PART_STARTING : PART_PROBING;
    return true;
}

/* The port in `"key":"...:PORT"`; -1 if it is not there. */
static int64_t port_in(const char *line, const char *key)
{
    char quoted[32];
    const char *at;
    size_t end, start;
    int64_t port;

    snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
    at = strstr(line, quoted);
    if (!at)
        return -1;
    at += strlen(quoted);
    end = strcspn(at, "\"");
    for (start = end; start > 0 && at[start - 1] != ':'; start--)
        ;
    return str_to_i64(str_of(at + start, end - start), &port) ? port : -1;
}

/* Takes the port from the line if it is there: on a restart it is asked for
 * again. */
static bool take_port(const char *line, const char *key, int64_t *port)
{
    int64_t told = port_in(line, key);

    if (told > 0)
        *port = told;
    return told > 0;
}

static bool understand(struct parts *parts, enum part_id id)
{
    const char *line = parts->part[id].line;

    switch (id) {
    case PART_EMULATOR:
        take_port(line, "bigquery", &parts->bigquery_port);
        take_port(line, "bigquery_grpc", &parts->bigquery_grpc_port);
        take_port(line, "console", &parts->console_port);
        return take_port(line, "pubsub", &parts->pubsub_port);
    case PART_INGEST:
        return take_port(line, "ingest", &parts->ingest_port);
    case PART_API:
        return take_port(line, "api", &parts->api_port);
    default:
        return false;
    }
}

bool part_read_line(struct parts *parts, enum part_id id)
{
    struct part *part = &parts->part[id];
    ssize_t n = read(part->ready_fd, part->line + part->line_len,
                     sizeof(part->line) - 1 - part->line_len);
    char *end;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    part->line_len += n > 0 ? (size_t)n : 0;
    part->line[part->line_len] = '\0';
    end = strchr(part->line, '\n');
    if (n > 0 && !end && part->line_len + 1 < sizeof(part->line))
        return false;
    close(part->ready_fd);
    part->ready_fd = -1;
    return end && understand(parts, id);
}

bool part_is_alive(const struct parts *parts, enum part_id id)
{
    static const char livez[] = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Connection: close\r\n\r\n";
    /* whatever it answers: it answers */
    struct spawn_probe probe = {.request = livez, .reply = "HTTP/1.1 "};

    switch (id) {
    case PART_REDIS:
        return part_answers(parts, id);
    case PART_API:
        probe.port = (uint16_t)parts->api_port;
        break;
    case PART_INGEST:
        probe.port = (uint16_t)parts->ingest_port;
        break;
    case PART_EMULATOR:
        probe.port = (uint16_t)parts->console_port;
        break;
    default:
        return true;
    }
    return spawn_answers(&probe);
}

bool part_answers(const struct parts *parts, enum part_id id)
{
    static const char get[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                              "Connection: close\r\n\r\n";
    struct spawn_probe probe = {.request = get, .reply = "HTTP/1.1 200"};

    switch (id) {
    case PART_REDIS:
        probe.unix_path = parts->redis_socket;
        probe.request = "PING\r\n";
        probe.reply = "+PONG";
        break;
    case PART_API:
        probe.port = (uint16_t)parts->api_port;
        return spawn_answers(&probe) &&
               (!dev_pushes(parts) || dev_push_point(parts));
    case PART_EMULATOR:
        if (dev_pushes(parts)) /* one without a state has forgotten it */
            return !parts->part[PART_API].was_ready || dev_push_point(parts);
        if (parts->part[PART_INGEST].phase != PART_ABSENT)
            (void)dev_push_point(parts);
        return true;
    default: /* their word is enough: they tell when they serve */
        return true;
    }
    return spawn_answers(&probe);
}

bool part_died(struct part *part, int64_t now_us)
{
    int64_t *slot = &part->deaths_us[part->n_deaths % PART_MAX_DEATHS];
    int64_t *oldest;

    *slot = now_us;
    part->n_deaths++;
    if (part->n_deaths < PART_MAX_DEATHS)
        return false;
    oldest = &part->deaths_us[part->n_deaths % PART_MAX_DEATHS];
    return now_us - *oldest < PART_DEATHS_WINDOW_S * US_PER_S;
}
