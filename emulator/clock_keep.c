/* SPDX-License-Identifier: Apache-2.0 */
/* One line: "frozen" and the time shown, or "moved" and the distance from the
 * machine's, both in microseconds. */
#include "emulator/clock_keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "emulator/archive.h"
#include "emulator/clock.h"

enum {
    LINE_MAX_LEN = 64
};

static char *path_in(const char *dir)
{
    return mem_printf("%s/" CLOCK_FILE, dir);
}

static int forget(const char *path, struct err *err)
{
    return unlink(path) == 0 || errno == ENOENT
               ? RC_OK
               : err_set(err, RC_IO, "%s: %s", path, strerror(errno));
}

int clock_keep(struct vclock *c, const char *dir, struct err *err)
{
    char line[LINE_MAX_LEN];
    bool frozen = vclock_is_frozen(c);
    char *path;
    int rc;

    if (!dir)
        return RC_OK;
    path = path_in(dir);
    snprintf(line, sizeof(line), "%s %lld\n", frozen ? "frozen" : "moved",
             (long long)(frozen ? vclock_now_us(c) : vclock_offset_us(c)));
    rc = frozen || vclock_is_moved(c) ? archive_write(path, str_from(line), err)
                                      : forget(path, err);
    mem_free(path);
    return rc;
}

static int apply(struct vclock *c, struct str line)
{
    struct str rest = line, how = str_cut(&rest, ' ');
    bool frozen = str_eq(how, STR("frozen"));
    int64_t us;

    if (rest.len == 0 || rest.p[rest.len - 1] != '\n')
        return RC_MALFORMED;
    rest.len--;
    if (!str_to_i64(rest, &us) || (!frozen && !str_eq(how, STR("moved"))))
        return RC_MALFORMED;
    vclock_freeze(c, frozen);
    return frozen ? vclock_set(c, us) : vclock_advance(c, us);
}

int clock_bring_back(struct vclock *c, const char *dir, struct err *err)
{
    char now[TIMEFMT_MAX];
    struct buf line;
    char *path;
    int rc = RC_OK;

    if (!dir)
        return RC_OK;
    path = path_in(dir);
    buf_init(&line, 1 << 20);
    if (access(path, F_OK) == 0)
        rc = archive_read(path, &line, err);
    if (rc == RC_OK && line.len && apply(c, buf_as_str(&line)))
        rc = err_set(err, RC_MALFORMED,
                     "%s: no clock that was kept, or damaged: remove it, and "
                     "the clock is the machine's",
                     path);
    if (rc == RC_OK && line.len) {
        size_t len = timefmt_format_z(now, vclock_now_us(c));

        LOG_W("the clock is as it was left, %s at %.*s: DELETE "
              "/_emulator/clock makes it the machine's",
              vclock_is_frozen(c) ? "frozen" : "moved", (int)len, now);
    }
    buf_fini(&line);
    mem_free(path);
    return rc;
}
