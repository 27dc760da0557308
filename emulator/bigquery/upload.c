/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/mem.h"
#include "emulator/bigquery/scratch.h"

struct upload_body {
    int fd;
    size_t len;
    void *map;
    size_t mapped;
};

static int open_nameless(const char *dir)
{
    int fd;
    char *path = scratch_file(dir, &fd);

    if (!path)
        return -1;
    unlink(path);
    mem_free(path);
    return fd;
}

struct upload_body *upload_body_new(const char *dir, struct fail *f)
{
    struct upload_body *u;
    int fd = open_nameless(dir);

    if (fd < 0) {
        fail_set(f, "backendError", "No folder for uploads: %s",
                 strerror(errno));
        return NULL;
    }
    u = MEM_NEW(struct upload_body);
    u->fd = fd;
    return u;
}

static void unmap(struct upload_body *u)
{
    if (u->map)
        munmap(u->map, u->mapped);
    u->map = NULL;
}

void upload_body_free(struct upload_body *u)
{
    if (!u)
        return;
    unmap(u);
    close(u->fd);
    mem_free(u);
}

bool upload_body_add(struct upload_body *u, struct str data, struct fail *f)
{
    unmap(u);
    while (data.len) {
        ssize_t n = pwrite(u->fd, data.p, data.len, (off_t)u->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fail_set(f, "backendError", "The upload cannot be kept: %s",
                     strerror(errno));
            return false;
        }
        u->len += (size_t)n;
        data = str_of(data.p + n, data.len - (size_t)n);
    }
    return true;
}

size_t upload_body_len(const struct upload_body *u)
{
    return u->len;
}

struct str upload_body_bytes(struct upload_body *u, struct fail *f)
{
    if (u->len == 0)
        return STR("");
    if (!u->map) {
        void *map = mmap(NULL, u->len, PROT_READ, MAP_PRIVATE, u->fd, 0);

        if (map == MAP_FAILED) {
            fail_set(f, "backendError", "The upload cannot be read: %s",
                     strerror(errno));
            return STR_NULL;
        }
        u->map = map;
        u->mapped = u->len;
    }
    return str_of(u->map, u->len);
}
