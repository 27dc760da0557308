/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program and takes what it prints, within a time.
 * Threads: belongs to its loop. */
#ifndef NET_PROGRAM_H
#define NET_PROGRAM_H

#include "common/loop.h"
#include "common/rc.h"
#include "common/str.h"

struct program;

/* `command` is cut at blanks, no shell is involved. `environment`: NAME=value
 * texts beside our own, ended by NULL (may be NULL). `done` comes once, later,
 * on the loop: RC_OK and its output if it exited with 0. The program is freed
 * after it. */
struct program *program_run(struct loop *loop, const char *command,
                            char *const *environment, int64_t timeout_us,
                            void (*done)(struct program *program, int rc,
                                         const struct err *err,
                                         struct str output, void *arg),
                            void *arg);
/* Ends and frees it without `done`; NULL is allowed. */
void program_kill(struct program *program);

#endif
