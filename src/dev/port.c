/* SPDX-License-Identifier: Apache-2.0 */
/* The owner of a listening socket is found as `ss -p` finds it: the socket's
 * inode from /proc/net/tcp, then the process with a descriptor of that inode.
 */
#include "dev/port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

enum {
    TCP_LISTEN_STATE = 0x0a,
    WAIT_US = 300000
};

static int try_bind(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, failed = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0; /* the part itself will tell */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        failed = errno;
    close(fd);
    return failed;
}

static unsigned long listening_inode(const char *table, uint16_t port)
{
    FILE *f = fopen(table, "re");
    char line[512];
    unsigned long found = 0;

    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned p, state;
        unsigned long inode;

        if (sscanf(line,
                   " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s "
                   "%lu",
                   &p, &state, &inode) == 3 &&
            p == port && state == TCP_LISTEN_STATE)
            found = inode;
    }
    if (f)
        fclose(f);
    return found;
}

static int holds(const char *pid, const char *wanted)
{
    char path[300];
    DIR *dir;
    struct dirent *e;
    int found = 0;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        char target[64];
        ssize_t n =
            readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, wanted) == 0;
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

static void read_name(const char *pid, char *out, size_t size)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    f = fopen(path, "re");
    if (!f || !fgets(out, (int)size, f))
        snprintf(out, size, "a process");
    out[strcspn(out, "\n")] = '\0';
    if (f)
        fclose(f);
}

static void find_owner(uint16_t port, char *out, size_t size)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    char wanted[40], name[64];
    DIR *dir;
    struct dirent *e;

    if (!inode)
        inode = listening_inode("/proc/net/tcp6", port);
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    snprintf(out, size, "a process of another user");
    dir = inode ? opendir("/proc") : NULL;
    while (dir && (e = readdir(dir))) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
            !holds(e->d_name, wanted))
            continue;
        read_name(e->d_name, name, sizeof(name));
        snprintf(out, size, "%s (pid %.20s)", name, e->d_name);
        break;
    }
    if (dir)
        closedir(dir);
}

int dev_port_check(int64_t port, const char *flag, struct err *err)
{
    int64_t end = clock_mono_us() + WAIT_US;
    char owner[128];
    int failed;

    if (port == 0)
        return RC_OK;
    while ((failed = try_bind((uint16_t)port)) == EADDRINUSE &&
           clock_mono_us() < end)
        usleep(20000);
    if (!failed)
        return RC_OK;
    if (failed != EADDRINUSE)
        return err_set(err, RC_IO, "port %d (%s): %s", (int)port, flag,
                       strerror(failed));
    find_owner((uint16_t)port, owner, sizeof(owner));
    return err_set(err, RC_EXISTS,
                   "port %d (%s) is taken by %s; stop that one, or choose "
                   "another port (%s 0 takes any free one)",
                   (int)port, flag, owner, flag);
}
