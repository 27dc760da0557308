/* SPDX-License-Identifier: Apache-2.0 */
#include "real_redis.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int dial(const struct real_redis *r)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", r->path);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void run(struct real_redis *r, const char *password)
{
    pid_t parent = getpid();
    int fd = -1;

    unlink(r->path);
    r->pid = fork();
    ck_assert_int_ge(r->pid, 0);
    if (r->pid == 0) {
        int null = open("/dev/null", O_RDWR);

        /* it ends with the test, however that ends */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
               r->path, "--save", "", "--appendonly", "no", "--dir", r->folder,
               "--requirepass", password ? password : "", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 5000 && fd < 0; i++) {
        usleep(1000);
        fd = dial(r);
    }
    ck_assert_msg(fd >= 0, "redis-server does not start");
    close(fd);
}

void real_redis_start(struct real_redis *r, const char *password)
{
    snprintf(r->folder, sizeof(r->folder), "/tmp/datos-cache-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(r->folder));
    snprintf(r->path, sizeof(r->path), "%s/s", r->folder);
    if (password)
        snprintf(r->url, sizeof(r->url), "unix://:%s@%s", password, r->path);
    else
        snprintf(r->url, sizeof(r->url), "unix://%s", r->path);
    run(r, password);
}

void real_redis_restart(struct real_redis *r)
{
    run(r, NULL);
}

void real_redis_kill(struct real_redis *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

void real_redis_pause(struct real_redis *r)
{
    kill(r->pid, SIGSTOP);
}

void real_redis_go_on(struct real_redis *r)
{
    kill(r->pid, SIGCONT);
}

void real_redis_tell(struct real_redis *r, const char *line)
{
    char answer[256];
    int fd = dial(r);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    ck_assert_int_eq(write(fd, "\r\n", 2), 2);
    ck_assert_int_gt(read(fd, answer, sizeof(answer)), 0);
    close(fd);
}

void real_redis_end(struct real_redis *r)
{
    real_redis_kill(r);
    unlink(r->path);
    rmdir(r->folder);
}
