/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that block. Threads: any; signal handlers too. */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include "common/str.h"

/* Writes all of it, whatever interrupts. 0, or the errno of what went wrong
 * (part of it may be written then). */
int io_write_all(int fd, struct str bytes);
/* The same; *bytes shrinks to what is not written. */
int io_write_rest(int fd, struct str *bytes);
/* Reads `len` bytes. 0, ENODATA where the end comes before, or what went
 * wrong. */
int io_read_all(int fd, void *to, size_t len);

#endif
