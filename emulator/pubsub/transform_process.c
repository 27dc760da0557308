/* SPDX-License-Identifier: Apache-2.0 */
/* The same program started once more, with nothing but a socket: what a script
 * may break is not the emulator, and what it may read is nothing of it. */
#include "emulator/pubsub/transform_process.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(int fd, pid_t *pid)
{
    /* the variables that a loader or a sanitizer reads go with it */
    char *const argv[] = {(char *)(uintptr_t) "datos-emulator",
                          (char *)(uintptr_t)TRANSFORM_WORKER, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t set;
    int rc;

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, fd, WORKER_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, WORKER_FD + 1);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

int transform_process_start(struct transform_process *p, struct err *err)
{
    int pair[2], rc;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return err_set(err, RC_IO, "no socket for the JavaScript process: %s",
                       strerror(errno));
    rc = spawn(pair[1], &pid);
    close(pair[1]);
    if (rc) {
        close(pair[0]);
        return err_set(err, RC_IO, "the JavaScript process did not start: %s",
                       strerror(rc));
    }
    *p = (struct transform_process){.pid = pid, .fd = pair[0]};
    return RC_OK;
}

void transform_process_end(struct transform_process *p)
{
    if (!p->pid)
        return;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(p->fd);
    *p = (struct transform_process){0};
}

bool transform_answer_next(struct str *in, struct worker_answer *answer,
                           struct str *text)
{
    struct worker_answer a;

    if (in->len < sizeof(a))
        return false;
    memcpy(&a, in->p, sizeof(a));
    if (in->len - sizeof(a) < a.len)
        return false;
    *answer = a;
    *text = str_of(in->p + sizeof(a), a.len);
    *in = str_of(text->p + a.len, in->len - sizeof(a) - a.len);
    return true;
}
