/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/identity/keep.h"

#include <errno.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"
#include "emulator/identity/key.h"

enum {
    FILE_MAX = 64 << 10
};

static int failed(struct err *err, const char *path, int why)
{
    return err_set(err, RC_IO, "%s: %s", path, strerror(why));
}

/* RC_NOT_FOUND: there is none. */
static int read_key(const char *path, char **out, struct err *err)
{
    struct buf text;
    int why;

    buf_init(&text, FILE_MAX);
    why = io_read_file(path, &text);
    if (why) {
        buf_fini(&text);
        if (why == EFBIG)
            return err_set(err, RC_IO, "%s: too large for a key", path);
        return why == ENOENT ? RC_NOT_FOUND : failed(err, path, why);
    }
    *out = buf_take(&text, NULL);
    return RC_OK;
}

static int write_key(const char *path, const char *pem, struct err *err)
{
    int why = io_write_file(path, str_from(pem), 0600);

    return why ? failed(err, path, why) : RC_OK;
}

int keep_key(const char *dir, char **pem, struct err *err)
{
    char *path = mem_printf("%s/" KEEP_KEY_FILE, dir);
    char *made = NULL;
    int rc = read_key(path, &made, err);

    if (rc == RC_NOT_FOUND) {
        rc = key_make(&made, err);
        if (rc == RC_OK)
            rc = write_key(path, made, err);
    }
    if (rc == RC_OK)
        *pem = made;
    else
        mem_free(made);
    mem_free(path);
    return rc;
}
