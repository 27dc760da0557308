/* SPDX-License-Identifier: Apache-2.0 */
/* Start: folder, clock, services, ports, resources, readiness. End: streams
 * told, requests finished, what is held written. */
#include "emulator/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/archive.h"
#include "emulator/clock.h"
#include "emulator/clock_keep.h"
#include "emulator/faults.h"
#include "emulator/guard.h"
#include "emulator/identity/identity.h"
#include "emulator/port_owner.h"
#include "emulator/requests.h"
#include "emulator/rpc.h"
#include "emulator/shell_priv.h"
#include "http/http.h"
#include "version_gen.h"

enum {
    H2_STREAMS = 10000,    /* a connection's; thousands are usual here */
    STREAM_HIGH = 1 << 20, /* of an answer waiting, before "full" */
    CONNECTIONS = 10000
};
#define DRAIN_US (3 * US_PER_S)

const char *shell_version(void)
{
    return DATOS_VERSION;
}

const char *shell_version_line(void)
{
    return "datos-emulator " DATOS_VERSION " (" DATOS_COMMIT ")\n";
}

/* --- start ---------------------------------------------------------------- */

static int make_folders(const char *path)
{
    char *copy = mem_strdup(path);
    int rc = 0;

    for (char *p = copy + 1; *p && rc == 0; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        rc = mkdir(copy, 0755) == 0 || errno == EEXIST ? 0 : -1;
        *p = '/';
    }
    if (rc == 0 && mkdir(copy, 0700) != 0 && errno != EEXIST)
        rc = -1;
    mem_free(copy);
    return rc;
}

/* The folder, and nobody else's. */
static int open_state(struct shell *s, struct err *err)
{
    const char *dir = s->options->state;
    char *path;

    s->lock_fd = -1;
    if (!dir)
        return RC_OK;
    if (make_folders(dir))
        return err_set(err, RC_IO, "--state: %s: %s", dir, strerror(errno));
    path = mem_printf("%s/lock", dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    mem_free(path);
    if (s->lock_fd < 0)
        return err_set(err, RC_IO, "--state: %s: %s", dir, strerror(errno));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return err_set(err, RC_BUSY,
                       "--state: %s is in use by another datos-emulator: "
                       "stop it or name another folder",
                       dir);
    s->e.state_dir = dir;
    return RC_OK;
}

/* The folder of buckets: its own, or one in the state folder. */
static int open_storage(struct shell *s, struct err *err)
{
    const char *dir = s->options->storage;

    if (dir && make_folders(dir))
        return err_set(err, RC_IO, "--storage: %s: %s", dir, strerror(errno));
    if (dir)
        s->storage_dir = mem_strdup(dir);
    else if (s->e.state_dir)
        s->storage_dir = mem_printf("%s/storage", s->e.state_dir);
    s->e.storage_dir = s->storage_dir;
    s->e.storage_existing = s->options->storage_existing;
    return RC_OK;
}

static int listen_on(struct http_server *server, struct shell *s,
                     const char *host, int64_t port, const char *flag,
                     void *app, struct err *err)
{
    struct err why = {0};
    char owner[128];
    int rc =
        http_server_listen(server, s->e.loop, host, (uint16_t)port, app, &why);

    if (rc != RC_EXISTS)
        return rc ? err_set(err, (enum rc)rc, "%s: %s", flag, why.text) : RC_OK;
    port_owner((uint16_t)port, owner, sizeof(owner));
    return err_set(err, RC_EXISTS,
                   "port %d is taken%s%s: stop that, or choose another with "
                   "%s (0: any free one)",
                   (int)port, *owner ? " by " : "", owner, flag);
}

static void limits_init(struct http_limits *limits)
{
    http_limits_default(limits);
    limits->h2_streams = H2_STREAMS;
    limits->stream_high = STREAM_HIGH;
    limits->connections = CONNECTIONS;
}

static int start_services(struct shell *s, const struct shell_service *rows,
                          size_t n_rows, struct err *err)
{
    struct http_limits limits;

    limits_init(&limits);
    for (size_t i = 0; i < n_rows; i++) {
        int64_t port =
            *(const int64_t *)(const void *)((const char *)s->options +
                                             rows[i].port_at);
        struct service *service = rows[i].create(&s->e, err);
        int rc;

        if (!service)
            return RC_IO;
        s->services[s->n] = service;
        s->servers[s->n] = http_server_new(
            service->app ? service->app : &rpc_http_app, &limits);
        s->n++;
        rc = listen_on(s->servers[i], s, s->options->host, port, rows[i].flag,
                       service->app ? service->self : service->rpc, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}

static int start_console(struct shell *s, struct err *err)
{
    const char *token = getenv("DATOS_EMULATOR_TOKEN");
    struct http_limits limits;

    s->console_host = guard_console_host(s->options->host);
    if (!guard_is_loopback(str_from(s->console_host)))
        s->token = token;
    if (strcmp(s->console_host, s->options->host) != 0)
        LOG_W("the console stays on 127.0.0.1: beyond loopback it wants "
              "DATOS_EMULATOR_TOKEN");
    limits_init(&limits);
    s->console = http_server_new(&control_http_app, &limits);
    return listen_on(s->console, s, s->console_host, s->options->console_port,
                     "--console-port", s, err);
}

/* --- ready ---------------------------------------------------------------- */

/* Where a client on this machine finds what listens on `host`. */
static const char *reachable(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ? "127.0.0.1"
                                                                   : host;
}

static void put_address(struct buf *out, const char *name, const char *scheme,
                        const char *host, unsigned port)
{
    bool v6 = strchr(host, ':') != NULL;

    buf_printf(out, "\"%s\":\"%s%s%s%s:%u\",", name, scheme, v6 ? "[" : "",
               host, v6 ? "]" : "", port);
}

static void tell_ready(struct shell *s)
{
    const char *host = reachable(s->options->host);
    struct buf line;
    ssize_t n;
    int fd = (int)s->options->ready_fd;

    for (size_t i = 0; i < s->n; i++)
        fprintf(stderr, "[%s] INFO: Server started, listening on %u\n",
                s->services[i]->name,
                (unsigned)http_server_port(s->servers[i]));
    if (s->options->ready_fd < 0)
        return;
    buf_init(&line, 4096);
    buf_putc(&line, '{');
    for (size_t i = 0; i < s->n; i++)
        put_address(&line, s->services[i]->name, "", host,
                    http_server_port(s->servers[i]));
    put_address(&line, "console", "http://", reachable(s->console_host),
                http_server_port(s->console));
    buf_printf(&line, "\"pid\":%d}\n", (int)getpid());
    /* short enough for a pipe to take whole */
    n = write(fd, line.data, line.len);
    (void)n;
    close(fd);
    buf_fini(&line);
}

/* --- end ------------------------------------------------------------------ */

static void one_less(struct shell *s)
{
    if (--s->to_drain == 0)
        loop_stop(s->e.loop);
}

static void on_server_drained(void *arg)
{
    one_less(arg);
}

static void on_service_drained(void *arg, int rc, const char *text)
{
    if (rc)
        LOG_E("a service did not end well: %s", text);
    one_less(arg);
}

static void stop(struct shell *s)
{
    if (s->stopping) {
        loop_stop(s->e.loop); /* asked twice: now */
        return;
    }
    s->stopping = true;
    s->to_drain = 2 * s->n + 2; /* one is ours, until all are begun */
    for (size_t i = 0; i < s->n; i++) {
        if (s->services[i]->rpc)
            rpc_set_serving(s->services[i]->rpc, false, true);
        s->services[i]->drain(s->services[i]->self, on_service_drained, s);
        http_server_drain(s->servers[i], s->e.loop, DRAIN_US, on_server_drained,
                          s);
    }
    http_server_drain(s->console, s->e.loop, DRAIN_US / 10, on_server_drained,
                      s);
    one_less(s);
}

static void on_signal(int signo, void *arg)
{
    LOG_I("%s: stopping", signo == SIGINT   ? "SIGINT"
                          : signo == SIGHUP ? "SIGHUP"
                                            : "SIGTERM");
    stop(arg);
}

struct start {
    struct shell *shell;
    int exit_code;
};

static void on_provided(void *arg, int rc, const char *text)
{
    struct start *start = arg;

    if (rc) {
        fprintf(stderr, "datos-emulator: %s\n", text);
        start->exit_code = 1;
        loop_stop(start->shell->e.loop);
        return;
    }
    start->shell->ready = true;
    tell_ready(start->shell);
}

/* --- the whole ------------------------------------------------------------ */

static void shell_fini(struct shell *s)
{
    if (s->console)
        http_server_free(s->console);
    for (size_t i = 0; i < s->n; i++) {
        if (s->servers[i])
            http_server_free(s->servers[i]);
        s->services[i]->free(s->services[i]->self);
    }
    requests_free(s->e.requests);
    identity_free(s->e.identity);
    faults_free(s->e.faults);
    vclock_free(s->e.clock);
    if (s->e.loop)
        loop_free(s->e.loop);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    mem_free(s->storage_dir);
}

static void shell_init(struct shell *s, const struct options *o)
{
    uint64_t seed = (uint64_t)o->seed;

    if (o->seed < 0)
        rand_bytes(&seed, sizeof(seed));
    s->options = o;
    s->e.loop = loop_new();
    s->e.clock = vclock_new(s->e.loop);
    s->e.faults = faults_new(seed);
    s->e.requests = requests_new(s->e.clock);
    s->e.identity =
        identity_new(s->e.loop, o->state, o->oidc_issuer, o->project);
    s->e.push_insecure = s->options->push_insecure;
    s->e.fsync = o->fsync;
    s->e.profile = o->profile && strcmp(o->profile, "lenient") == 0
                       ? PROFILE_LENIENT
                       : PROFILE_STRICT;
    s->e.project = o->project;
    s->e.host = o->host;
    s->e.seed = seed;
}

int shell_run(const struct options *o, const struct shell_service *rows,
              size_t n_rows)
{
    struct shell s = {.lock_fd = -1};
    struct start start = {&s, 0};
    struct err err = {0};
    int rc;

    signal(SIGPIPE, SIG_IGN);
    /* a full file is an error code of the storage, not a death */
    signal(SIGXFSZ, SIG_IGN);
    shell_init(&s, o);
    rc = open_state(&s, &err);
    if (rc == RC_OK)
        rc = open_storage(&s, &err);
    if (rc == RC_OK)
        rc = clock_bring_back(s.e.clock, s.e.state_dir, &err);
    if (rc == RC_OK)
        rc = start_services(&s, rows, n_rows, &err);
    if (rc == RC_OK)
        rc = start_console(&s, &err);
    if (rc) {
        fprintf(stderr, "datos-emulator: %s\n", err.text);
        shell_fini(&s);
        return 1;
    }
    loop_on_terminate(s.e.loop, on_signal, &s);
    state_provide(&s, on_provided, &start);
    loop_run(s.e.loop);
    shell_fini(&s);
    return start.exit_code;
}
