/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes that do not outlive this one, and the question whether one
 * answers yet. */
#ifndef DEV_SPAWN_H
#define DEV_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spawn_options {
    bool is_part; /* own process group, no standard input, output to ours of
                   * errors: a terminal's Ctrl-C is the supervisor's to tell */
    int keep_fd;  /* stays open in the child; -1: none */
};

/* Starts argv[0] (searched in PATH). The kernel kills it when this process
 * dies. -1 with errno if it cannot fork; a failing exec ends the child with
 * 126 or 127 and a line on standard error. */
pid_t spawn_process(char *const argv[], const struct spawn_options *options);

/* SIGKILL to a process and all that descend from it; each is
 * stopped first, so that none starts another meanwhile. */
void spawn_kill_tree(pid_t pid);

/* Where and how to ask. */
struct spawn_probe {
    const char *unix_path; /* else loopback TCP at `port` */
    uint16_t port;
    const char *request, *reply; /* the reply's first bytes */
};
/* One try, at most 50 ms. */
bool spawn_answers(const struct spawn_probe *probe);

#endif
