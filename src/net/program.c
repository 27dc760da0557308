/* SPDX-License-Identifier: Apache-2.0 */
#include "net/program.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    OUTPUT_MAX = 256 * 1024,
    WORDS_MAX = 64
};
#define LOOK_US (5 * US_PER_MS)

extern char **environ;

struct program {
    struct loop *loop;
    pid_t pid;  /* 0: none */
    int fd;     /* its output; -1: closed */
    int failed; /* errno of the start */
    struct event *readable;
    struct loop_timer timer;
    int64_t by_us;
    struct buf output;
    void (*done)(struct program *program, int rc, const struct err *err,
                 struct str output, void *arg);
    void *arg;
};

static void close_output(struct program *p)
{
    if (p->readable)
        event_free(p->readable);
    p->readable = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void free_program(struct program *p)
{
    close_output(p);
    loop_timer_fini(&p->timer);
    if (p->output.data)
        explicit_bzero(p->output.data, p->output.cap);
    buf_fini(&p->output);
    mem_free(p);
}

static void kill_and_reap(struct program *p)
{
    if (p->pid <= 0)
        return;
    /* its own group: what it started ends too */
    kill(-p->pid, SIGKILL);
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
}

void program_kill(struct program *p)
{
    if (!p)
        return;
    kill_and_reap(p);
    free_program(p);
}

static void finish(struct program *p, int rc, const struct err *err)
{
    p->done(p, rc, err, rc == RC_OK ? buf_as_str(&p->output) : STR_NULL,
            p->arg);
    free_program(p);
}

/* Once its output is closed, its end is awaited in small steps: it has nothing
 * left to do but to exit. */
static void on_timer(struct loop_timer *timer)
{
    struct program *p = LOOP_OWNER(timer, struct program, timer);
    struct err err;
    int status = 0;
    pid_t gone;

    if (p->failed) {
        finish(p,
               err_set(&err, RC_UNAVAILABLE,
                       "the program of the external account cannot be "
                       "started: %s",
                       strerror(p->failed)),
               &err);
        return;
    }
    gone = p->fd < 0 ? waitpid(p->pid, &status, WNOHANG) : 0;
    if (gone == 0 && clock_mono_us() < p->by_us) {
        loop_timer_arm(&p->timer,
                       p->fd < 0 ? LOOK_US : p->by_us - clock_mono_us());
        return;
    }
    if (gone == 0) {
        kill_and_reap(p);
        finish(p,
               err_set(&err, RC_TIMEOUT,
                       "the program of the external account did not end in "
                       "time"),
               &err);
        return;
    }
    p->pid = 0;
    if (gone > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
        !p->output.failed)
        finish(p, RC_OK, NULL);
    else
        finish(p,
               err_set(&err, RC_UNAVAILABLE,
                       "the program of the external account failed"),
               &err);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct program *p = arg;
    char chunk[4096];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    (void)what;
    if (n > 0) {
        buf_append(&p->output, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_output(p);
        loop_timer_arm(&p->timer, 0);
    }
}

static char **words_of(char *command)
{
    char **words = MEM_ARRAY(char *, WORDS_MAX + 1);
    char *rest = command, *word;
    size_t n = 0;

    while (n < WORDS_MAX && (word = strsep(&rest, " \t")))
        if (*word)
            words[n++] = word;
    return words;
}

static char **environment_with(char *const *more)
{
    size_t n = 0, n_more = 0;
    char **all;

    while (environ[n])
        n++;
    while (more && more[n_more])
        n_more++;
    all = MEM_ARRAY(char *, n + n_more + 1);
    for (size_t i = 0; i < n_more; i++)
        all[i] = more[i]; /* first: they win */
    for (size_t i = 0; i < n; i++)
        all[n_more + i] = environ[i];
    return all;
}

static int spawn(struct program *p, const char *command,
                 char *const *environment, int fd)
{
    char *copy = mem_strdup(command);
    char **words = words_of(copy), **all = environment_with(environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    rc = words[0] ? posix_spawnp(&p->pid, words[0], &actions, &attributes,
                                 words, all)
                  : ENOENT;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    mem_free(all);
    mem_free(words);
    mem_free(copy);
    return rc;
}

struct program *program_run(struct loop *loop, const char *command,
                            char *const *environment, int64_t timeout_us,
                            void (*done)(struct program *program, int rc,
                                         const struct err *err,
                                         struct str output, void *arg),
                            void *arg)
{
    struct program *p = MEM_NEW(struct program);
    int fds[2] = {-1, -1};

    p->loop = loop;
    p->fd = -1;
    p->done = done;
    p->arg = arg;
    p->by_us = clock_mono_us() + timeout_us;
    buf_init(&p->output, OUTPUT_MAX);
    loop_timer_init(&p->timer, loop, on_timer);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        p->failed = errno;
    } else {
        p->failed = spawn(p, command, environment, fds[1]);
        close(fds[1]);
        p->fd = fds[0];
    }
    if (p->failed) {
        p->pid = 0;
        loop_timer_arm(&p->timer, 0);
        return p;
    }
    p->readable =
        event_new(loop_base(loop), p->fd, EV_READ | EV_PERSIST, on_readable, p);
    event_add(p->readable, NULL);
    loop_timer_arm(&p->timer, timeout_us);
    return p;
}
