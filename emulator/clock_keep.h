/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that was moved or frozen stays so over restarts on one state folder:
 * what was published in its future must not lie in another one. The file is
 * there only while the clock is not the machine's.
 * Threads: loop-confined. */
#ifndef EMULATOR_CLOCK_KEEP_H
#define EMULATOR_CLOCK_KEEP_H

#include "common/rc.h"

struct vclock;

/* The name of its file, for those who may not write over it. */
#define CLOCK_FILE "clock"

/* Writes what the clock is now; `dir` NULL: nothing is kept. RC_IO. */
RC_MUST_USE int clock_keep(struct vclock *c, const char *dir, struct err *err);
/* Sets the clock as it was kept, if it was, and says so. RC_IO,
 * RC_MALFORMED: the file and what to do. */
RC_MUST_USE int clock_bring_back(struct vclock *c, const char *dir,
                                 struct err *err);

#endif
