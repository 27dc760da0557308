/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: one poll loop over a signalfd and the parts' ready pipes. */
#include "dev/dev.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dev/announce.h"
#include "dev/part.h"
#include "dev/port.h"
#include "dev/spawn.h"
#include "dev/state.h"

enum {
    PROBE_EVERY_US = 2000,
    PROBE_SLOW_US = 20000,        /* after the first second */
    SLOW_START_US = 10 * 1000000, /* then it is said */
    WATCH_EVERY_US = 2 * 1000000,
    SILENT_AFTER_US = 10 * 1000000,
    STOP_GRACE_S = 10, /* a part drains for 8 s */
    STOP_GRACE_US = STOP_GRACE_S * 1000000,
};

/* The way down: whom to ask, all of a step at once; emulator and Redis last,
 * so that what is in flight can still be settled. */
enum stop_step {
    STOP_NONE,
    STOP_COMMAND,
    STOP_ROLES,
    STOP_EMULATOR,
    STOP_REDIS,
    STOP_DONE
};

struct dev {
    const struct dev_options *options;
    struct parts parts;
    pid_t command;
    int signal_fd;
    int64_t started_us;
    bool is_announced, is_stale; /* the ready file */
    enum stop_step stop;
    int64_t kill_us;         /* when the present step is over */
    int64_t command_kill_us; /* it was told to end; 0: it was not */
    unsigned n_signals;
    int code;
};

static bool is_ours(const struct dev *dev, enum stop_step step, int id)
{
    (void)dev;
    return step == STOP_ROLES      ? id == PART_API || id == PART_INGEST
           : step == STOP_EMULATOR ? id == PART_EMULATOR
           : step == STOP_REDIS    ? id == PART_REDIS
                                   : false;
}

static unsigned signal_step(const struct dev *dev, int signo)
{
    unsigned alive = 0;

    if (dev->stop == STOP_COMMAND && dev->command > 0) {
        if (signo == SIGKILL)
            spawn_kill_tree(dev->command);
        else
            kill(dev->command, signo);
        alive++;
    }
    for (int i = 0; i < N_PARTS; i++) {
        if (is_ours(dev, dev->stop, i) && dev->parts.part[i].pid > 0) {
            if (signo)
                kill(dev->parts.part[i].pid, signo);
            alive++;
        }
    }
    return alive;
}

/* Goes on to the next step that has somebody alive. */
static void advance_stop(struct dev *dev)
{
    while (dev->stop != STOP_DONE && signal_step(dev, 0) == 0) {
        dev->stop++;
        dev->kill_us = clock_mono_us() + STOP_GRACE_US;
        signal_step(dev, SIGTERM);
    }
}

static void begin_stop(struct dev *dev, int code)
{
    if (dev->stop != STOP_NONE)
        return;
    dev->code = code;
    dev->stop = STOP_COMMAND;
    dev->kill_us = clock_mono_us() + STOP_GRACE_US;
    signal_step(dev, SIGTERM);
    advance_stop(dev);
}

static void kill_all(struct dev *dev)
{
    if (dev->command > 0)
        spawn_kill_tree(dev->command);
    for (int i = 0; i < N_PARTS; i++) {
        if (dev->parts.part[i].pid > 0)
            kill(dev->parts.part[i].pid, SIGKILL);
    }
}

/* --- starting ------------------------------------------------------------ */

static void start_parts(struct dev *dev)
{
    for (int i = 0; i < N_PARTS && dev->stop == STOP_NONE; i++) {
        struct part *part = &dev->parts.part[i];

        if (part->phase != PART_WAITING ||
            !part_may_start(&dev->parts, (enum part_id)i))
            continue;
        announce_environment(&dev->parts);
        if (!part_start(&dev->parts, (enum part_id)i)) {
            LOG_E("cannot start %s: %s", part->name, strerror(errno));
            begin_stop(dev, 1);
        }
    }
}

static void become_ready(struct dev *dev, struct part *part)
{
    part->phase = PART_READY;
    part->heard_us = clock_mono_us();
    part->watch_us = part->heard_us + WATCH_EVERY_US;
    part->is_silent = false;
    dev->is_stale = true;
    if (part->was_ready)
        LOG_I("%s is back (pid %d, %lld ms)", part->name, (int)part->pid,
              (clock_mono_us() - part->started_us) / US_PER_MS);
    part->was_ready = true;
}

static void probe_parts(struct dev *dev, int64_t now_us)
{
    for (int i = 0; i < N_PARTS; i++) {
        struct part *part = &dev->parts.part[i];
        int64_t age_us = now_us - part->started_us;

        if (part->phase != PART_PROBING || now_us < part->probe_us)
            continue;
        if (part_answers(&dev->parts, (enum part_id)i)) {
            become_ready(dev, part);
            continue;
        }
        part->probe_us =
            now_us + (age_us > US_PER_S ? PROBE_SLOW_US : PROBE_EVERY_US);
        if (age_us > SLOW_START_US)
            LOG_W("%s does not answer yet (%lld s)", part->name,
                  age_us / US_PER_S);
    }
}

/* A part that hangs is alive to the kernel: only asking tells. It is not
 * killed, for it may stand in a debugger. */
static void watch_parts(struct dev *dev, int64_t now_us)
{
    for (int i = 0; i < N_PARTS; i++) {
        struct part *part = &dev->parts.part[i];

        if (part->phase != PART_READY || now_us < part->watch_us)
            continue;
        part->watch_us = now_us + WATCH_EVERY_US;
        if (part_is_alive(&dev->parts, (enum part_id)i)) {
            if (part->is_silent)
                LOG_I("%s (pid %d) answers again", part->name, (int)part->pid);
            part->is_silent = false;
            part->heard_us = now_us;
        } else if (!part->is_silent &&
                   now_us - part->heard_us >= SILENT_AFTER_US) {
            part->is_silent = true;
            LOG_W("%s (pid %d) has not answered for %lld s: is it stopped, or "
                  "in a debugger? kill -9 %d has it started again",
                  part->name, (int)part->pid,
                  (now_us - part->heard_us) / US_PER_S, (int)part->pid);
        }
    }
}

static void read_ready_line(struct dev *dev, enum part_id id)
{
    struct part *part = &dev->parts.part[id];

    if (part_read_line(&dev->parts, id)) {
        part->phase = PART_PROBING;
        part->probe_us = 0;
    } else if (part->ready_fd < 0) {
        /* closed without a word: its death will be told by SIGCHLD, or it
         * goes on without being reachable, which is no better */
        kill(part->pid, SIGTERM);
    }
}

static bool all_ready(const struct dev *dev)
{
    for (int i = 0; i < N_PARTS; i++) {
        enum part_phase phase = dev->parts.part[i].phase;

        if (phase != PART_READY && phase != PART_ABSENT)
            return false;
    }
    return true;
}

static void start_command(struct dev *dev)
{
    const struct spawn_options options = {.keep_fd = -1};

    dev->command = spawn_process(dev->options->command, &options);
    if (dev->command < 0) {
        LOG_E("cannot start %s: %s", dev->options->command[0], strerror(errno));
        begin_stop(dev, 1);
    }
}

static void announce(struct dev *dev)
{
    struct err err;

    if (!dev->is_stale || !all_ready(dev) || dev->stop != STOP_NONE)
        return;
    dev->is_stale = false;
    announce_environment(&dev->parts);
    if (dev->options->ready_file &&
        announce_file(&dev->parts, dev->options->ready_file, &err)) {
        LOG_E("%s", err.text);
        begin_stop(dev, 1);
        return;
    }
    if (dev->is_announced)
        return;
    dev->is_announced = true;
    /* a command's output is its own */
    announce_table(&dev->parts, clock_mono_us() - dev->started_us,
                   dev->options->command ? stderr : stdout);
    if (dev->options->command)
        start_command(dev);
}

/* --- ends ---------------------------------------------------------------- */

static void describe(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, size, "ended with exit code %d", WEXITSTATUS(status));
}

static void part_ended(struct dev *dev, enum part_id id, int status)
{
    struct part *part = &dev->parts.part[id];
    pid_t pid = part->pid;
    char how[80];

    describe(status, how, sizeof(how));
    part->pid = 0;
    part->phase = PART_ENDED;
    if (part->ready_fd >= 0)
        close(part->ready_fd);
    part->ready_fd = -1;
    if (dev->stop != STOP_NONE)
        return;
    if (!part->was_ready && WIFEXITED(status)) {
        LOG_E("%s (pid %d) %s before it was ready; stopping%s", part->name,
              (int)pid, how,
              id == PART_REDIS ? " (see redis.log in the state folder)" : "");
        begin_stop(dev, 1);
    } else if (part_died(part, clock_mono_us())) {
        LOG_E("%s (pid %d) %s: %d deaths in %d s; stopping everything",
              part->name, (int)pid, how, PART_MAX_DEATHS, PART_DEATHS_WINDOW_S);
        begin_stop(dev, 1);
    } else {
        LOG_W("%s (pid %d) %s; restarting it on the same port", part->name,
              (int)pid, how);
        part->phase = PART_WAITING;
    }
}

static void command_ended(struct dev *dev, int status)
{
    dev->command = 0;
    begin_stop(dev, WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                        : WEXITSTATUS(status));
}

static void reap(struct dev *dev)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == dev->command)
            command_ended(dev, status);
        for (int i = 0; i < N_PARTS; i++) {
            if (pid == dev->parts.part[i].pid)
                part_ended(dev, (enum part_id)i, status);
        }
    }
    if (dev->stop != STOP_NONE)
        advance_stop(dev);
}

/* --- signals ------------------------------------------------------------- */

static void asked_to_stop(struct dev *dev, const struct signalfd_siginfo *si)
{
    dev->n_signals++;
    if (dev->command > 0 && dev->n_signals == 1) {
        /* From a terminal it has the signal already. */
        LOG_I("the command (pid %d) has %d s to end; again to stop at once",
              (int)dev->command, STOP_GRACE_S);
        dev->command_kill_us = clock_mono_us() + STOP_GRACE_US;
        if (si->ssi_code != SI_KERNEL)
            kill(dev->command, (int)si->ssi_signo);
        return;
    }
    if (dev->stop == STOP_NONE) {
        LOG_I("stopping (again to kill)");
        begin_stop(dev, dev->command > 0 ? 128 + (int)si->ssi_signo : 0);
    } else {
        LOG_W("killing what is left");
        kill_all(dev);
    }
}

static void read_signals(struct dev *dev)
{
    struct signalfd_siginfo si;

    while (read(dev->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGCHLD)
            reap(dev);
        else
            asked_to_stop(dev, &si);
    }
}

static int open_signals(void)
{
    static const int wanted[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(&set, wanted[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- the loop ------------------------------------------------------------ */

static int next_timeout_ms(const struct dev *dev)
{
    int64_t now_us = clock_mono_us(), at_us = INT64_MAX;

    for (int i = 0; i < N_PARTS; i++) {
        const struct part *part = &dev->parts.part[i];

        if (part->phase == PART_PROBING && part->probe_us < at_us)
            at_us = part->probe_us;
        if (part->phase == PART_READY && part->watch_us < at_us)
            at_us = part->watch_us;
    }
    if (dev->stop != STOP_NONE && dev->kill_us < at_us)
        at_us = dev->kill_us;
    if (dev->command_kill_us && dev->command_kill_us < at_us)
        at_us = dev->command_kill_us;
    if (at_us == INT64_MAX)
        return -1;
    return at_us <= now_us ? 0 : (int)((at_us - now_us + 999) / US_PER_MS);
}

static void wait_for_something(struct dev *dev)
{
    struct pollfd fds[1 + N_PARTS];
    int n;

    fds[0] = (struct pollfd){.fd = dev->signal_fd, .events = POLLIN};
    for (int i = 0; i < N_PARTS; i++)
        fds[1 + i] = (struct pollfd){.fd = dev->parts.part[i].ready_fd,
                                     .events = POLLIN};
    n = poll(fds, 1 + N_PARTS, next_timeout_ms(dev));
    if (n <= 0)
        return;
    for (int i = 0; i < N_PARTS; i++) {
        if (fds[1 + i].revents)
            read_ready_line(dev, (enum part_id)i);
    }
    if (fds[0].revents)
        read_signals(dev);
}

static void say_late(const char *name, pid_t pid)
{
    if (pid > 0)
        LOG_W("%s (pid %d) did not end within %d s: killing it", name, (int)pid,
              STOP_GRACE_S);
}

/* Whoever was told to end and has not. */
static void kill_the_late(struct dev *dev, int64_t now_us)
{
    if (dev->command_kill_us && now_us >= dev->command_kill_us) {
        dev->command_kill_us = 0;
        if (dev->command > 0 && dev->stop == STOP_NONE) {
            say_late("the command", dev->command);
            spawn_kill_tree(dev->command);
        }
    }
    if (dev->stop == STOP_NONE || now_us < dev->kill_us)
        return;
    if (dev->stop == STOP_COMMAND)
        say_late("the command", dev->command);
    for (int i = 0; i < N_PARTS; i++) {
        if (is_ours(dev, dev->stop, i))
            say_late(dev->parts.part[i].name, dev->parts.part[i].pid);
    }
    signal_step(dev, SIGKILL);
    dev->kill_us = now_us + STOP_GRACE_US;
}

static void supervise(struct dev *dev)
{
    while (dev->stop != STOP_DONE) {
        start_parts(dev);
        announce(dev);
        wait_for_something(dev);
        probe_parts(dev, clock_mono_us());
        if (dev->stop == STOP_NONE)
            watch_parts(dev, clock_mono_us());
        kill_the_late(dev, clock_mono_us());
    }
}

static int check_ports(const struct dev_options *o, struct err *err)
{
    const struct {
        int64_t port;
        const char *flag;
    } ports[] = {
        {o->api_port, "--api-port"},
        {o->pubsub_port, "--pubsub-port"},
        {o->bigquery_port, "--bigquery-port"},
        {o->console_port, "--console-port"},
    };
    int rc = RC_OK;

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]) && !rc; i++)
        rc = dev_port_check(ports[i].port, ports[i].flag, err);
    return rc;
}

int dev_run(const struct dev_options *options)
{
    struct dev dev = {.options = options, .started_us = clock_mono_us()};
    struct dev_state state;
    struct err err;

    if (dev_state_open(options->memory ? NULL : options->state, &state, &err)) {
        fprintf(stderr, "datos dev: %s\n", err.text);
        return 1;
    }
    if (options->ready_file)
        unlink(options->ready_file);
    if (check_ports(options, &err) ||
        parts_init(&dev.parts, options, &state, &err)) {
        fprintf(stderr, "datos dev: %s\n", err.text);
        dev.code = 1;
    } else {
        dev.signal_fd = open_signals();
        supervise(&dev);
        close(dev.signal_fd);
        if (options->ready_file)
            unlink(options->ready_file);
    }
    parts_fini(&dev.parts);
    dev_state_close(&state);
    return dev.code;
}
