/* SPDX-License-Identifier: Apache-2.0 */
#include "common/io.h"

#include <errno.h>
#include <unistd.h>

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
