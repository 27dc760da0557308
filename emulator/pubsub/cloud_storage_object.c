/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/cloud_storage_object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"
#include "common/rand.h"
#include "emulator/pubsub/avro_file.h"

/* No bucket begins with a dot. */
#define PARTS "/.partial"

enum {
    WRITE_BYTES = 64 << 10, /* held back until there is so much */
    SYNC_BYTES = 4 << 20    /* on their way to the disk before the end asks */
};

struct cloud_object {
    int fd;
    char *part, *name;
    struct buf out; /* not written yet */
    uint64_t written, syncing;
    bool avro, fsync, is_empty;
    struct buf block; /* Avro: objects of the block that is not ended */
    uint64_t n_block;
    uint8_t sync[AVRO_SYNC_BYTES];
};

/* --- errors and folders --------------------------------------------------- */

static int fail(struct err *err, const char *path)
{
    int rc =
        errno == EACCES || errno == EPERM || errno == EROFS ? RC_DENIED : RC_IO;

    return err_set(err, rc, "%s: %s", path, strerror(errno));
}

static int make_folder(const char *path, struct err *err)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? RC_OK : fail(err, path);
}

/* All folders that `path`, a file's, stands in, from `from` on. */
static int make_folders(char *path, size_t from, struct err *err)
{
    int rc = RC_OK;

    for (char *p = path + from; rc == RC_OK && (p = strchr(p, '/')); p++) {
        *p = '\0';
        rc = make_folder(path, err);
        *p = '/';
    }
    return rc;
}

int cloud_place_check(const struct cloud_place *place, struct err *err)
{
    char *path;
    struct stat st;
    int rc;

    if (!place->root)
        return err_set(err, RC_NOT_FOUND,
                       "there is no folder of buckets: start with --storage "
                       "DIR or --state DIR");
    rc = make_folder(place->root, err);
    if (rc)
        return rc;
    path = mem_printf("%s/%s", place->root, place->bucket);
    if (stat(path, &st) == 0)
        rc = S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0
                 ? RC_OK
                 : err_set(err, RC_DENIED,
                           "%s: not a folder that can be written", path);
    else if (errno != ENOENT)
        rc = fail(err, path);
    else if (place->existing_only)
        rc = err_set(err, RC_NOT_FOUND, "%s: no such bucket: make that folder",
                     path);
    else
        rc = make_folder(path, err);
    mem_free(path);
    return rc;
}

/* Parts that nobody holds any more. */
static void sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        int fd = e->d_name[0] == '.'
                     ? -1
                     : openat(dirfd(dir), e->d_name,
                              O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        close(fd);
    }
    if (dir)
        closedir(dir);
}

static int open_part(struct cloud_object *o, const struct cloud_place *place,
                     struct err *err)
{
    uint64_t id;
    char *folder;
    int rc = cloud_place_check(place, err);

    if (rc)
        return rc;
    folder = mem_printf("%s%s", place->root, PARTS);
    rc = make_folder(folder, err);
    if (rc == RC_OK) {
        sweep(folder);
        rand_bytes(&id, sizeof(id));
        o->part = mem_printf("%s/%016llx", folder, (unsigned long long)id);
        o->fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (o->fd < 0 || flock(o->fd, LOCK_EX | LOCK_NB))
            rc = fail(err, o->part);
    }
    mem_free(folder);
    return rc;
}

/* --- writing -------------------------------------------------------------- */

static void object_free(struct cloud_object *o)
{
    if (o->fd >= 0)
        close(o->fd);
    buf_fini(&o->out);
    buf_fini(&o->block);
    mem_free(o->part);
    mem_free(o->name);
    mem_free(o);
}

int cloud_object_open(const struct cloud_place *place, struct str name,
                      struct str schema, struct cloud_object **out,
                      struct err *err)
{
    struct cloud_object *o = MEM_NEW(struct cloud_object);
    int rc;

    o->fd = -1;
    o->avro = schema.p != NULL;
    o->fsync = place->fsync;
    o->is_empty = true;
    buf_init(&o->out, SIZE_MAX / 4);
    buf_init(&o->block, SIZE_MAX / 4);
    o->name = mem_strndup(name.p, name.len);
    rc = open_part(o, place, err);
    if (rc) {
        cloud_object_drop(o);
        return rc;
    }
    rand_bytes(o->sync, sizeof(o->sync));
    if (o->avro)
        avro_file_put_head(&o->out, schema, o->sync);
    *out = o;
    return RC_OK;
}

void cloud_object_drop(struct cloud_object *o)
{
    if (o && o->fd >= 0)
        (void)unlink(o->part);
    if (o)
        object_free(o);
}

uint64_t cloud_object_size(const struct cloud_object *o)
{
    return o->written + o->out.len + o->block.len;
}

static void end_block(struct cloud_object *o)
{
    if (!o->n_block)
        return;
    avro_file_put_block(&o->out, o->n_block, buf_as_str(&o->block), o->sync);
    buf_reset(&o->block);
    o->n_block = 0;
}

void cloud_object_add(struct cloud_object *o, struct str message)
{
    if (o->avro) {
        buf_str(&o->block, message);
        o->n_block++;
        if (o->block.len >= WRITE_BYTES)
            end_block(o);
    } else {
        if (!o->is_empty)
            buf_putc(&o->out, '\n');
        buf_str(&o->out, message);
    }
    o->is_empty = false;
}

/* What was written is not held any more, also where the rest could not be. */
static int write_all(struct cloud_object *o, struct err *err)
{
    struct str left = buf_as_str(&o->out);
    int code = io_write_rest(o->fd, &left);
    size_t n = o->out.len - left.len;

    buf_consume(&o->out, n);
    o->written += n;
    /* a hint: what is there already, fsync need not wait for */
    if (o->fsync && o->written - o->syncing >= SYNC_BYTES) {
        (void)sync_file_range(o->fd, (off_t)o->syncing,
                              (off_t)(o->written - o->syncing),
                              SYNC_FILE_RANGE_WRITE);
        o->syncing = o->written;
    }
    errno = code;
    return code ? fail(err, o->part) : RC_OK;
}

int cloud_object_flush(struct cloud_object *o, struct err *err)
{
    return o->out.len >= WRITE_BYTES ? write_all(o, err) : RC_OK;
}

/* --- the end -------------------------------------------------------------- */

/* The folder's entry too. */
static int sync_folder(char *path, struct err *err)
{
    char *slash = strrchr(path, '/');
    int fd, rc = RC_OK;

    *slash = '\0';
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        rc = fail(err, path);
    if (fd >= 0)
        close(fd);
    *slash = '/';
    return rc;
}

static int give_name(struct cloud_object *o, const struct cloud_place *place,
                     struct err *err)
{
    char *path = mem_printf("%s/%s/%s", place->root, place->bucket, o->name);
    size_t inside = strlen(place->root) + strlen(place->bucket) + 2;
    int rc = make_folders(path, inside, err);

    if (rc == RC_OK && rename(o->part, path))
        rc = access(o->part, F_OK)
                 ? err_set(err, RC_CONFLICT, "%s: was removed", o->part)
                 : fail(err, path);
    if (rc == RC_OK && o->fsync)
        rc = sync_folder(path, err);
    mem_free(path);
    return rc;
}

int cloud_object_finish(struct cloud_object *o, const struct cloud_place *place,
                        struct err *err)
{
    int rc;

    end_block(o);
    rc = write_all(o, err);
    if (rc == RC_OK && o->fsync && fsync(o->fd))
        rc = fail(err, o->part);
    if (rc == RC_OK)
        rc = cloud_place_check(place, err);
    if (rc == RC_OK)
        rc = give_name(o, place, err);
    if (rc == RC_CONFLICT)
        cloud_object_drop(o);
    else if (rc == RC_OK)
        object_free(o);
    return rc;
}
