/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/files.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/io.h"
#include "common/mem.h"

static const char scheme[] = "gs://";

char *files_path(const char *state_dir, const char *uri, struct fail *f)
{
    const char *dir = getenv("DATOS_EMULATOR_FILES");
    const char *name = uri + sizeof(scheme) - 1;

    if (strncmp(uri, scheme, sizeof(scheme) - 1) != 0 || !*name ||
        !strchr(name, '/') || *name == '/') {
        fail_set(f, "invalid",
                 "Source and destination URIs have the form gs://bucket/name: "
                 "%.200s",
                 uri);
        return NULL;
    }
    if (strstr(name, "../") || strchr(name, '\n')) {
        fail_set(f, "invalid", "Invalid URI: %.200s", uri);
        return NULL;
    }
    if (dir && *dir)
        return mem_printf("%s/%s", dir, name);
    if (state_dir)
        return mem_printf("%s/files/%s", state_dir, name);
    fail_set(f, "invalid",
             "The emulator keeps gs:// in a folder: name one with "
             "DATOS_EMULATOR_FILES, or start it with --state");
    return NULL;
}

/* More than `out` may hold is told by `out` itself. */
static int read_one(const char *path, struct buf *out)
{
    int why = io_read_file(path, out);

    return why && why != EFBIG ? RC_NOT_FOUND : RC_OK;
}

int files_read(const char *state_dir, const char *uri, struct buf *out,
               struct fail *f)
{
    char *path = files_path(state_dir, uri, f);
    glob_t found = {0};
    int rc = RC_OK;

    if (!path)
        return RC_INVALID;
    if (strchr(path, '*') && glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && rc == RC_OK; i++)
            rc = read_one(found.gl_pathv[i], out);
        globfree(&found);
    } else {
        rc = read_one(path, out);
    }
    mem_free(path);
    if (rc)
        fail_set(f, "notFound", "Not found: URI %.300s", uri);
    else if (out->failed)
        rc = fail_set(f, "resourcesExceeded", "The files are too large: %.300s",
                      uri);
    return rc;
}

static void make_folders(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
}

static char *numbered(const char *path)
{
    const char *star = strchr(path, '*');

    if (!star)
        return mem_strdup(path);
    return mem_printf("%.*s000000000000%s", (int)(star - path), path, star + 1);
}

int files_write(const char *state_dir, const char *uri, const struct buf *bytes,
                struct fail *f)
{
    char *pattern = files_path(state_dir, uri, f), *path;
    int why, rc = RC_OK;

    if (!pattern)
        return RC_INVALID;
    path = numbered(pattern);
    mem_free(pattern);
    make_folders(path);
    why = io_write_file(path, buf_as_str(bytes), 0644);
    if (why)
        rc = fail_set(f, "backendError", "%s: %s", path, strerror(why));
    mem_free(path);
    return rc;
}
