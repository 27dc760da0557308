/* SPDX-License-Identifier: Apache-2.0 */
/* Replays corpus files through one fuzz target, where no libFuzzer is: each
 * argument is a file or a folder of files. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long n_inputs;

static void replay(const char *path)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    uint8_t *data;
    size_t n;

    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        exit(1);
    }
    /* exactly as long as the input, so that ASan sees a read past it */
    data = malloc((size_t)st.st_size + (st.st_size == 0));
    n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    n_inputs++;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *e;

        if (!dir) {
            replay(argv[i]);
            continue;
        }
        while ((e = readdir(dir))) {
            char path[4096];

            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
            replay(path);
        }
        closedir(dir);
    }
    printf("%lu inputs\n", n_inputs);
    return 0;
}
