/* SPDX-License-Identifier: Apache-2.0 */
#include "dev/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"

#define TEMPORARY_PREFIX "datos-dev-"
#define SOCKET_NAME_ROOM 12 /* "/redis.sock" and the NUL */

enum {
    SOCKET_PATH_MAX = 100, /* sun_path is 108; some clients want less */
    LOCK_WAIT_US = 500000  /* a supervisor killed a moment ago */
};

static int make_folders(char *path, struct err *err)
{
    for (char *p = path + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            int rc = err_set(err, RC_IO, "cannot make the folder %s: %s", path,
                             strerror(errno));
            *p = c;
            return rc;
        }
        *p = c;
        if (c == '\0')
            return RC_OK;
    }
}

static int lock_folder(struct dev_state *state, struct err *err)
{
    int64_t end = clock_mono_us() + LOCK_WAIT_US;
    char *path = mem_printf("%s/lock", state->dir);
    char owner[24] = "";
    ssize_t n;
    int rc = RC_OK;

    state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state->lock_fd < 0) {
        rc = err_set(err, RC_IO, "cannot write into %s: %s", state->dir,
                     strerror(errno));
        goto out;
    }
    while (flock(state->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_mono_us() < end) {
            usleep(10000);
            continue;
        }
        n = read(state->lock_fd, owner, sizeof(owner) - 1);
        owner[n > 0 ? strcspn(owner, "\n") : 0] = '\0';
        rc = err_set(err, RC_EXISTS,
                     "the state folder %s is in use by another `datos dev` "
                     "(pid %s); stop that one, or choose another with --state "
                     "DIR or --memory",
                     state->dir, owner);
        close(state->lock_fd);
        state->lock_fd = -1;
        goto out;
    }
    if (ftruncate(state->lock_fd, 0) == 0)
        (void)!dprintf(state->lock_fd, "%d\n", (int)getpid());
out:
    mem_free(path);
    return rc;
}

static const char *temporary_base(void)
{
    const char *base = getenv("TMPDIR");

    return base && base[0] == '/' && strlen(base) < 60 ? base : "/tmp";
}

static int remove_entry(const char *path, const struct stat *st, int kind,
                        struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Folders of supervisors that were killed: ours, and nobody holds the lock. */
static void sweep(void)
{
    const char *base = temporary_base();
    DIR *dir = opendir(base);
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char path[PATH_MAX], lock[PATH_MAX + 8];
        struct stat st;
        int fd;

        if (strncmp(e->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", base, e->d_name);
        snprintf(lock, sizeof(lock), "%s/lock", path);
        if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) ||
            st.st_uid != geteuid())
            continue;
        fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(path);
        close(fd);
    }
    if (dir)
        closedir(dir);
}

static int make_temporary(char **out, struct err *err)
{
    char *path = mem_printf("%s/" TEMPORARY_PREFIX "XXXXXX", temporary_base());

    if (!mkdtemp(path)) {
        int rc = err_set(err, RC_IO, "cannot make a folder in %s: %s",
                         temporary_base(), strerror(errno));
        mem_free(path);
        return rc;
    }
    *out = path;
    return RC_OK;
}

static int make_kept(const char *folder, char **out, struct err *err)
{
    char *path = mem_strdup(folder);
    char real[PATH_MAX];
    int rc = make_folders(path, err);

    if (!rc && !realpath(path, real))
        rc = err_set(err, RC_IO, "%s: %s", path, strerror(errno));
    if (!rc)
        *out = mem_strdup(real);
    mem_free(path);
    return rc;
}

int dev_state_open(const char *folder, struct dev_state *state, struct err *err)
{
    int rc;

    memset(state, 0, sizeof(*state));
    state->lock_fd = -1;
    state->is_temporary = !folder;
    sweep();
    rc = folder ? make_kept(folder, &state->dir, err)
                : make_temporary(&state->dir, err);
    if (!rc)
        rc = lock_folder(state, err);
    if (!rc && strlen(state->dir) + SOCKET_NAME_ROOM > SOCKET_PATH_MAX)
        rc = make_temporary(&state->socket_dir, err);
    else if (!rc)
        state->socket_dir = mem_strdup(state->dir);
    if (rc)
        dev_state_close(state);
    return rc;
}

void dev_state_close(struct dev_state *state)
{
    if (state->is_temporary && state->lock_fd >= 0)
        remove_tree(state->dir);
    if (state->socket_dir && strcmp(state->socket_dir, state->dir) != 0)
        remove_tree(state->socket_dir);
    if (state->lock_fd >= 0)
        close(state->lock_fd);
    mem_free(state->dir);
    mem_free(state->socket_dir);
    memset(state, 0, sizeof(*state));
    state->lock_fd = -1;
}
