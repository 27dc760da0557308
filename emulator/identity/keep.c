/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/identity/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/identity/key.h"

enum {
    FILE_MAX = 64 << 10
};

static int failed(struct err *err, const char *path)
{
    return err_set(err, RC_IO, "%s: %s", path, strerror(errno));
}

/* RC_NOT_FOUND: there is none. */
static int read_file(const char *path, char **out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text;
    ssize_t n = 0;

    if (fd < 0 && errno == ENOENT)
        return RC_NOT_FOUND;
    if (fd < 0)
        return failed(err, path);
    buf_init(&text, FILE_MAX);
    while (buf_reserve(&text, 4096) &&
           (n = read(fd, text.data + text.len, 4096)) > 0)
        text.len += (size_t)n;
    close(fd);
    if (n < 0 || text.failed) {
        buf_fini(&text);
        return n < 0 ? failed(err, path)
                     : err_set(err, RC_IO, "%s: too large for a key", path);
    }
    buf_putc(&text, '\0');
    *out = buf_take(&text, NULL);
    return RC_OK;
}

static int write_file(const char *path, const char *pem, struct err *err)
{
    char *fresh = mem_printf("%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct str left = str_from(pem);
    int rc = RC_OK;

    while (fd >= 0 && left.len) {
        ssize_t n = write(fd, left.p, left.len);

        if (n <= 0)
            break;
        left = str_of(left.p + n, left.len - (size_t)n);
    }
    if (fd < 0 || left.len || fsync(fd) || rename(fresh, path))
        rc = failed(err, path);
    if (fd >= 0)
        close(fd);
    mem_free(fresh);
    return rc;
}

int keep_key(const char *dir, char **pem, struct err *err)
{
    char *path = mem_printf("%s/" KEEP_KEY_FILE, dir);
    char *made = NULL;
    int rc = read_file(path, &made, err);

    if (rc == RC_NOT_FOUND) {
        rc = key_make(&made, err);
        if (rc == RC_OK)
            rc = write_file(path, made, err);
    }
    if (rc == RC_OK)
        *pem = made;
    else
        mem_free(made);
    mem_free(path);
    return rc;
}
