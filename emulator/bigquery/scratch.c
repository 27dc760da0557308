/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/scratch.h"

#include <fcntl.h>
#include <stdlib.h>

#include "common/mem.h"

char *scratch_file(const char *dir, int *fd)
{
    const char *dirs[] = {dir, getenv("TMPDIR"), "/tmp", "/var/tmp",
                          "/dev/shm"};

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        char *path;

        if (!dirs[i] || !*dirs[i])
            continue;
        path = mem_printf("%s/datos-bigquery-XXXXXX", dirs[i]);
        *fd = mkostemp(path, O_CLOEXEC);
        if (*fd >= 0)
            return path;
        mem_free(path);
    }
    return NULL;
}
