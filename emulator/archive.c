/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"
#include "emulator/clock_keep.h"

enum {
    SUM_DIGITS = 16
};
#define MAGIC "datos-emulator-archive 1\n"

void archive_begin(struct buf *out)
{
    buf_puts(out, MAGIC);
}

void archive_add(struct buf *out, const char *name, struct str bytes)
{
    buf_printf(out, "%s %zu %016llx\n", name, bytes.len,
               (unsigned long long)str_hash(bytes));
    buf_str(out, bytes);
    buf_putc(out, '\n');
}

bool archive_is(struct str bytes)
{
    return str_starts(bytes, STR(MAGIC));
}

struct part {
    struct str name, bytes;
    uint64_t sum; /* FNV-1a: against damage, not against malice */
};

/* False at the end, and when what follows is no part (`*bad`). */
static bool next_part(struct str *rest, struct part *part, bool *bad)
{
    struct str line, len_text;
    const char *end;
    uint64_t len, sum = 0;

    *bad = false;
    if (!rest->len)
        return false;
    *bad = true;
    end = memchr(rest->p, '\n', rest->len);
    if (!end)
        return false;
    line = str_of(rest->p, (size_t)(end - rest->p));
    *rest = str_of(end + 1, rest->len - line.len - 1);
    part->name = str_cut(&line, ' ');
    if (!line.p)
        return false;
    len_text = str_cut(&line, ' ');
    if (!line.p || line.len != SUM_DIGITS || !str_to_u64(len_text, &len) ||
        len >= rest->len || rest->p[len] != '\n')
        return false;
    for (size_t i = 0; i < SUM_DIGITS; i++) {
        char c = line.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        sum = sum << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    part->sum = sum;
    part->bytes = str_of(rest->p, (size_t)len);
    *rest = str_of(rest->p + len + 1, rest->len - (size_t)len - 1);
    *bad = false;
    return true;
}

static struct str behind_magic(struct str bytes)
{
    return str_of(bytes.p + sizeof(MAGIC) - 1, bytes.len - (sizeof(MAGIC) - 1));
}

int archive_check(struct str bytes, struct err *err)
{
    struct part part;
    struct str rest;
    bool bad;

    if (!archive_is(bytes))
        return err_set(err, RC_MALFORMED,
                       "not an archive of datos-emulator, or of a version "
                       "that is not known");
    rest = behind_magic(bytes);
    while (next_part(&rest, &part, &bad))
        if (str_hash(part.bytes) != part.sum)
            return err_set(err, RC_MALFORMED,
                           "the archive is damaged: part '%.*s'",
                           STR_ARG(part.name));
    if (bad)
        return err_set(err, RC_MALFORMED,
                       "the archive is cut off or damaged at byte %zu",
                       (size_t)(rest.p - bytes.p));
    return RC_OK;
}

struct str archive_part(struct str bytes, const char *name)
{
    struct str rest = behind_magic(bytes);
    struct part part;
    bool bad;

    while (next_part(&rest, &part, &bad))
        if (str_eq(part.name, str_from(name)))
            return part.bytes;
    return STR_NULL;
}

/* The services' own files: an archive in their place would be their end. */
static bool is_ours(struct str path)
{
    return str_eq(path, STR("lock")) || str_eq(path, STR(CLOCK_FILE)) ||
           str_eq(path, STR("identity.pem")) ||
           str_starts(path, STR("pubsub.db")) ||
           str_starts(path, STR("bigquery.db"));
}

bool archive_name_ok(struct str path)
{
    struct str rest = path;

    if (!path.len || path.len > 255 || memchr(path.p, 0, path.len) ||
        is_ours(path))
        return false;
    while (rest.p) {
        struct str part = str_cut(&rest, '/');

        if (!part.len || part.p[0] == '.')
            return false;
    }
    return true;
}

/* --- files ---------------------------------------------------------------- */

int archive_write(const char *path, struct str bytes, struct err *err)
{
    int why = io_write_file(path, bytes, 0600);

    /* the name is at fault, not the disk */
    if (why == ENOENT || why == ENOTDIR || why == EISDIR || why == ELOOP)
        return err_set(err, RC_INVALID,
                       "%s: %s: name a file in a folder that is there", path,
                       strerror(why));
    return why ? err_set(err, RC_IO, "%s: %s", path, strerror(why)) : RC_OK;
}

int archive_read(const char *path, struct buf *out, struct err *err)
{
    int why = io_read_file(path, out);

    if (why == EFBIG)
        return err_set(err, RC_TOO_LARGE, "%s: too large", path);
    if (why)
        return err_set(err, why == ENOENT ? RC_NOT_FOUND : RC_IO, "%s: %s",
                       path, strerror(why));
    return RC_OK;
}
