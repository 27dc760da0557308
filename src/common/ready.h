/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness, told to the supervisor that gave `--ready-fd N`: one line of
 * JSON with the addresses that are served now. Threads: start-up only. */
#ifndef COMMON_READY_H
#define COMMON_READY_H

/* Writes `{"NAME":"ADDRESS",...}` and a line end, then closes `fd`. Pairs of
 * name and address, ended by NULL: ready_tell(fd, "api",
 * "http://127.0.0.1:8080", NULL). Does nothing if `fd` is negative. */
void ready_tell(int fd, const char *name, ...) __attribute__((sentinel));

#endif
