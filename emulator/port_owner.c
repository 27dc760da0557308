/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TCP_LISTENS = 0x0a /* TCP_LISTEN of the kernel's tcp_states.h */
};

/* The inode of the socket that listens there, or 0. */
static unsigned long listener(const char *table, uint16_t port)
{
    FILE *f = fopen(table, "re");
    unsigned long inode = 0;
    char line[512];

    if (!f)
        return 0;
    while (!inode && fgets(line, sizeof(line), f)) {
        unsigned local, state;
        unsigned long found;

        if (sscanf(line,
                   " %*[^:]: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s "
                   "%*s %lu",
                   &local, &state, &found) == 3 &&
            local == port && state == TCP_LISTENS)
            inode = found;
    }
    fclose(f);
    return inode;
}

static int holds(const char *pid, const char *link)
{
    char path[64], target[64];
    struct dirent *e;
    DIR *fds;
    int found = 0;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    fds = opendir(path);
    if (!fds)
        return 0;
    while (!found && (e = readdir(fds))) {
        ssize_t n =
            readlinkat(dirfd(fds), e->d_name, target, sizeof(target) - 1);

        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, link) == 0;
        }
    }
    closedir(fds);
    return found;
}

static void describe(const char *pid, char *out, size_t size)
{
    char path[64], name[64] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    f = fopen(path, "re");
    if (f) {
        if (!fgets(name, sizeof(name), f))
            name[0] = '\0';
        fclose(f);
    }
    name[strcspn(name, "\n")] = '\0';
    snprintf(out, size, "%s (pid %.20s)", *name ? name : "a process", pid);
}

void port_owner(uint16_t port, char *out, size_t size)
{
    unsigned long inode = listener("/proc/net/tcp", port);
    struct dirent *e;
    char link[48];
    DIR *proc;

    out[0] = '\0';
    if (!inode)
        inode = listener("/proc/net/tcp6", port);
    proc = inode ? opendir("/proc") : NULL;
    if (!proc)
        return;
    snprintf(link, sizeof(link), "socket:[%lu]", inode);
    while ((e = readdir(proc)))
        if (isdigit((unsigned char)e->d_name[0]) && holds(e->d_name, link)) {
            describe(e->d_name, out, size);
            break;
        }
    closedir(proc);
}
