/* SPDX-License-Identifier: Apache-2.0 */
/* The BigQuery store against the emulator, a process of its own, as `datos
 * dev` runs it. */
#include "store_kinds.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_bigquery.h"

static pid_t pid;

/* The release build beside this one: `make test` has made it first. */
static void find_emulator(char *out, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    ck_assert_int_gt(n, 0);
    self[n] = '\0';
    for (int i = 0; i < 3; i++) /* BUILD/VARIANT/tests/this */
        *strrchr(self, '/') = '\0';
    snprintf(out, size, "%s/release/datos-emulator", self);
    ck_assert_msg(access(out, X_OK) == 0, "%s is not built: make", out);
}

static void become_emulator(const char *path, int ready_fd)
{
    char fd[16];
    int null = open("/dev/null", O_WRONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(fd, sizeof(fd), "%d", ready_fd);
    dup2(null, STDERR_FILENO);
    execl(path, path, "--memory", "--pubsub-port", "0", "--bigquery-port", "0",
          "--bigquery-grpc-port", "0", "--console-port", "0", "--ready-fd", fd,
          (char *)NULL);
    _exit(127);
}

static void start_emulator(char *host, size_t size)
{
    char path[PATH_MAX + 32], line[1024] = "", *at;
    size_t len = 0;
    ssize_t n;
    int fds[2];

    find_emulator(path, sizeof(path));
    ck_assert_int_eq(pipe(fds), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_emulator(path, fds[1]);
    close(fds[1]);
    while (!strchr(line, '\n') &&
           (n = read(fds[0], line + len, sizeof(line) - 1 - len)) > 0)
        len += (size_t)n;
    close(fds[0]);
    at = strstr(line, "\"bigquery\":\"");
    ck_assert_msg(at != NULL, "the emulator tells no address: %s", line);
    at += strlen("\"bigquery\":\"");
    snprintf(host, size, "%.*s", (int)strcspn(at, "\""), at);
}

static struct store *open_on_emulator(const struct schema *schema)
{
    char host[64];
    const struct bigquery_config config = {
        .project = "datos-local",
        .dataset = "latam_dataset",
        .table = "datos",
        .emulator = host,
        .system = "contract",
        .schema = schema,
    };
    struct store *store = NULL;
    struct err err;

    start_emulator(host, sizeof(host));
    ck_assert_msg(store_open_bigquery(&config, &store, &err) == RC_OK, "%s",
                  err.text);
    return store;
}

static void stop_emulator(void)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

const struct store_kind store_kind_emulator = {
    .name = "bigquery",
    .open = open_on_emulator,
    .clean = stop_emulator,
};
