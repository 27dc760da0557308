/* SPDX-License-Identifier: Apache-2.0 */
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"

enum {
    READ_STEP = 64 << 10
};

int io_write_rest(int fd, struct str *bytes)
{
    while (bytes->len) {
        ssize_t n = write(fd, bytes->p, bytes->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        *bytes = str_of(bytes->p + n, bytes->len - (size_t)n);
    }
    return 0;
}

int io_write_all(int fd, struct str bytes)
{
    return io_write_rest(fd, &bytes);
}

int io_read_all(int fd, void *to, size_t len)
{
    char *p = to;

    while (len) {
        ssize_t n = read(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENODATA;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* As read(2); EFBIG where more comes than `out` may hold. */
static ssize_t read_more(int fd, struct buf *out)
{
    size_t room = out->limit - out->len;
    char beyond;
    ssize_t n;

    if (room > READ_STEP)
        room = READ_STEP;
    if (!buf_reserve(out, room)) {
        errno = EFBIG;
        return -1;
    }
    n = room ? read(fd, out->data + out->len, room) : read(fd, &beyond, 1);
    if (n <= 0)
        return n;
    if (!room) {
        out->failed = true;
        errno = EFBIG;
        return -1;
    }
    out->len += (size_t)n;
    return n;
}

int io_read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), why = fd < 0 ? errno : 0;
    ssize_t n = 1;

    while (!why && n != 0) {
        n = read_more(fd, out);
        if (n < 0 && errno != EINTR)
            why = errno;
    }
    if (out->data)
        out->data[out->len] = '\0';
    if (fd >= 0)
        close(fd);
    return why;
}

static int fill(int fd, struct str bytes, mode_t mode)
{
    int why = fchmod(fd, mode) ? errno : io_write_all(fd, bytes);

    if (!why && fsync(fd))
        why = errno;
    if (close(fd) && !why)
        why = errno;
    return why;
}

/* A rename lasts once its folder is on the disk; not every file system can. */
static void sync_folder(const char *folder)
{
    int fd = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

int io_write_file(const char *path, struct str bytes, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        mem_strndup(path, slash ? (size_t)(slash + 1 - path) : (size_t)0);
    char *draft = mem_printf("%s.new-XXXXXX", folder);
    int fd = mkostemp(draft, O_CLOEXEC);
    int why = fd < 0 ? errno : fill(fd, bytes, mode);

    if (!why && rename(draft, path))
        why = errno;
    if (!why)
        sync_folder(folder);
    else if (fd >= 0)
        unlink(draft);
    mem_free(draft);
    mem_free(folder);
    return why;
}
