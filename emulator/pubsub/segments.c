/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "emulator/pubsub/numbers.h"

enum {
    SEGMENT_BYTES = 32 << 20, /* a segment takes no more batches then */
    HOLES = 4                 /* live bytes of a file under 1/4: mostly holes */
};

struct segment {
    uint64_t number, end;
    uint64_t live;            /* committed bytes that rows name */
    uint64_t added, released; /* by this transaction */
    uint64_t low, high;       /* ids */
    bool holes;               /* mostly, and not taken yet */
    bool changed;             /* in the list */
    struct segment *next_changed;
};

struct segments {
    char *path;
    struct numbers all;
    struct segment *changed;
    uint64_t next;  /* number */
    size_t n_holes; /* of them */
    /* the descriptor used last; appends and reads mostly share it */
    int fd;
    uint64_t open;
};

/* --- files ---------------------------------------------------------------- */

static char *name_of(const struct segments *s, uint64_t number)
{
    return mem_printf("%s-%" PRIu64, s->path, number);
}

static int fail(const struct segments *s, uint64_t number, int os,
                struct err *err)
{
    bool full = os == ENOSPC || os == EDQUOT || os == EFBIG;
    int rc = os == ENOENT || os == ENODATA ? RC_MALFORMED : RC_IO;

    return err_set(err, rc, "%s-%" PRIu64 ": %s", s->path, number,
                   full            ? "the disk, or a limit on file sizes, is "
                                     "full: free some space"
                   : os == ENODATA ? "shorter than it was: messages that it "
                                     "held are lost"
                   : os == ENOENT  ? "is gone, and with it the messages that "
                                     "it held"
                                   : strerror(os));
}

static void close_file(struct segments *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->open = 0;
}

/* 0 or an errno. */
static int open_file(struct segments *s, uint64_t number, bool make)
{
    char *name;

    if (s->open == number)
        return 0;
    close_file(s);
    name = name_of(s, number);
    s->fd = open(name, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0644);
    mem_free(name);
    if (s->fd < 0)
        return errno;
    s->open = number;
    return 0;
}

static void remove_file(struct segments *s, uint64_t number)
{
    char *name = name_of(s, number);

    if (s->open == number)
        close_file(s);
    unlink(name);
    mem_free(name);
}

/* 0 or an errno. */
static int write_at(int fd, struct str bytes, uint64_t at)
{
    while (bytes.len) {
        ssize_t n = pwrite(fd, bytes.p, bytes.len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += (uint64_t)n;
        bytes = str_of(bytes.p + n, bytes.len - (size_t)n);
    }
    return 0;
}

static int read_at(int fd, char *to, size_t len, uint64_t at)
{
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENODATA;
        at += (uint64_t)n;
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

/* --- segments ------------------------------------------------------------- */

static struct segment *nth(const struct segments *s, size_t i)
{
    return s->all.rows[i].resource;
}

static struct segment *known(const struct segments *s, uint64_t number)
{
    return numbers_find(&s->all, number);
}

static struct segment *add(struct segments *s, uint64_t number)
{
    struct segment *g = MEM_NEW(struct segment);

    numbers_add(&s->all, number, g);
    g->number = number;
    g->low = UINT64_MAX;
    if (number >= s->next)
        s->next = number + 1;
    return g;
}

static void set_holes(struct segments *s, struct segment *g, bool holes)
{
    if (holes != g->holes)
        s->n_holes += holes ? 1 : (size_t)-1;
    g->holes = holes;
}

/* Takes it out; it must not be in the list of those changed. */
static void drop(struct segments *s, struct segment *g)
{
    set_holes(s, g, false);
    numbers_remove(&s->all, g->number);
    remove_file(s, g->number);
    mem_free(g);
}

static void change(struct segments *s, struct segment *g)
{
    if (g->changed)
        return;
    g->changed = true;
    g->next_changed = s->changed;
    s->changed = g;
}

static bool is_last(const struct segments *s, const struct segment *g)
{
    return g == nth(s, s->all.n - 1);
}

static bool is_mostly_holes(const struct segments *s, const struct segment *g)
{
    return !is_last(s, g) && g->live * HOLES < g->end;
}

static void widen(struct segment *g, uint64_t id)
{
    if (id < g->low)
        g->low = id;
    if (id > g->high)
        g->high = id;
}

/* --- life ----------------------------------------------------------------- */

struct segments *segments_new(const char *path)
{
    struct segments *s = MEM_NEW(struct segments);

    s->path = mem_strdup(path);
    s->next = 1;
    s->fd = -1;
    return s;
}

void segments_free(struct segments *s)
{
    if (!s)
        return;
    close_file(s);
    for (size_t i = 0; i < s->all.n; i++)
        mem_free(nth(s, i));
    numbers_fini(&s->all);
    mem_free(s->path);
    mem_free(s);
}

void segments_found(struct segments *s, uint64_t id,
                    const struct segment_place *place)
{
    struct segment *g = known(s, place->file);

    if (!g)
        g = add(s, place->file);
    g->live += place->len;
    if (place->at + place->len > g->end)
        g->end = place->at + place->len;
    widen(g, id);
}

/* What stands behind the last "/", and the folder in front of it. */
static const char *split(const char *path, char **folder)
{
    const char *slash = strrchr(path, '/');

    *folder =
        slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    return slash ? slash + 1 : path;
}

void segments_tidy(struct segments *s)
{
    char *folder;
    const char *base = split(s->path, &folder);
    size_t len = strlen(base);
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char *end;
        uint64_t number;

        if (strncmp(entry->d_name, base, len) != 0 || entry->d_name[len] != '-')
            continue;
        number = strtoull(entry->d_name + len + 1, &end, 10);
        if (*end == '\0' && number && !known(s, number))
            remove_file(s, number);
    }
    if (dir)
        closedir(dir);
    mem_free(folder);
    /* what another life left half done */
    for (size_t i = 0; i < s->all.n; i++)
        set_holes(s, nth(s, i), is_mostly_holes(s, nth(s, i)));
}

/* --- bytes ---------------------------------------------------------------- */

static struct segment *last_with_room(struct segments *s)
{
    struct segment *g = s->all.n ? nth(s, s->all.n - 1) : NULL;

    if (g && g->end < SEGMENT_BYTES)
        return g;
    if (g)
        change(s, g); /* it may be all holes, and is no longer the last */
    return add(s, s->next);
}

int segments_append(struct segments *s, uint64_t id, struct str bytes,
                    struct segment_place *out, struct err *err)
{
    struct segment *g = last_with_room(s);
    int os;

    change(s, g);
    os = open_file(s, g->number, true);
    if (!os)
        os = write_at(s->fd, bytes, g->end);
    if (os)
        return fail(s, g->number, os, err);
    *out = (struct segment_place){
        .file = g->number, .at = g->end, .len = (uint32_t)bytes.len};
    g->end += bytes.len;
    g->added += bytes.len;
    widen(g, id);
    return RC_OK;
}

int segments_read(struct segments *s, const struct segment_place *place,
                  char *to, struct err *err)
{
    int os = open_file(s, place->file, false);

    if (!os)
        os = read_at(s->fd, to, place->len, place->at);
    return os ? fail(s, place->file, os, err) : RC_OK;
}

void segments_release(struct segments *s, const struct segment_place *place)
{
    struct segment *g = known(s, place->file);

    if (!g)
        return;
    g->released += place->len;
    change(s, g);
}

void segments_release_all(struct segments *s)
{
    for (size_t i = 0; i < s->all.n; i++) {
        struct segment *g = nth(s, i);

        g->released = g->live + g->added;
        change(s, g);
    }
}

/* --- transactions --------------------------------------------------------- */

static struct segment *take_changed(struct segments *s)
{
    struct segment *g = s->changed;

    if (!g)
        return NULL;
    s->changed = g->next_changed;
    g->changed = false;
    return g;
}

void segments_commit(struct segments *s)
{
    struct segment *g;

    while ((g = take_changed(s))) {
        g->live += g->added;
        g->live -= g->released < g->live ? g->released : g->live;
        g->added = g->released = 0;
        if (is_last(s, g)) {
            if (!g->live) { /* the same pages again */
                g->end = g->high = 0;
                g->low = UINT64_MAX;
            }
        } else if (!g->live) {
            drop(s, g);
        } else {
            set_holes(s, g, is_mostly_holes(s, g));
        }
    }
}

/* Room behind what it holds: of what was not committed, or of what went before.
 * A disk that is full may need it for the next try. */
static void trim(struct segments *s, const struct segment *g)
{
    if (!open_file(s, g->number, false) &&
        lseek(s->fd, 0, SEEK_END) > (off_t)g->end &&
        ftruncate(s->fd, (off_t)g->end)) {
        /* it stays, and is written over */
    }
}

void segments_rollback(struct segments *s)
{
    struct segment *g;

    while ((g = take_changed(s))) {
        g->end -= g->added;
        g->added = g->released = 0;
        if (!g->live && !is_last(s, g))
            drop(s, g);
        else
            trim(s, g);
    }
    if (s->all.n)
        trim(s, nth(s, s->all.n - 1));
}

bool segments_take_holes(struct segments *s, struct segment_holes *out)
{
    for (size_t i = 0; s->n_holes && i < s->all.n; i++) {
        struct segment *g = nth(s, i);

        if (!g->holes)
            continue;
        set_holes(s, g, false);
        *out = (struct segment_holes){
            .file = g->number, .low = g->low, .high = g->high};
        return true;
    }
    return false;
}
