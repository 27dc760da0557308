/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PROBE_WAIT_US = 50000
};

static void become_part(void)
{
    int null = open("/dev/null", O_RDWR);

    setpgid(0, 0);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void reset_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

pid_t spawn_process(char *const argv[], const struct spawn_options *options)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int failed;

    if (pid != 0)
        return pid;
    /* The parent may have died before this line: then nobody will signal. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    if (options->is_part)
        become_part();
    reset_signals();
    if (options->keep_fd >= 0)
        fcntl(options->keep_fd, F_SETFD, 0);
    execvp(argv[0], argv);
    failed = errno;
    dprintf(STDERR_FILENO, "datos dev: cannot run %s: %s\n", argv[0],
            strerror(failed));
    _exit(failed == ENOENT ? 127 : 126);
}

/* A command shares our process group, so that the terminal is its own: its
 * group cannot be signalled without us. */
void spawn_kill_tree(pid_t pid)
{
    char path[64];
    FILE *f;
    int child;

    kill(pid, SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
             (int)pid);
    f = fopen(path, "re");
    while (f && fscanf(f, "%d", &child) == 1)
        spawn_kill_tree(child);
    if (f)
        fclose(f);
    kill(pid, SIGKILL);
}

static int dial(const struct spawn_probe *probe)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(probe->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_usec = PROBE_WAIT_US};
    const void *at = &in;
    socklen_t len = sizeof(in);
    int fd;

    if (probe->unix_path) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", probe->unix_path);
        at = &un;
        len = sizeof(un);
    }
    fd = socket(probe->unix_path ? AF_UNIX : AF_INET,
                SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    if (connect(fd, at, len) == 0)
        return fd;
    close(fd);
    return -1;
}

bool spawn_answers(const struct spawn_probe *probe)
{
    size_t want = strlen(probe->reply);
    char reply[64];
    bool same = false;
    int fd = dial(probe);

    if (fd < 0)
        return false;
    if (send(fd, probe->request, strlen(probe->request), MSG_NOSIGNAL) > 0 &&
        recv(fd, reply, want, MSG_WAITALL) == (ssize_t)want)
        same = memcmp(reply, probe->reply, want) == 0;
    close(fd);
    return same;
}
