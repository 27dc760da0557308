/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that block, whole files. Threads: any; for descriptors signal
 * handlers too. */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include <sys/types.h>

#include "common/str.h"

struct buf;

/* Writes all of it, whatever interrupts. 0, or the errno of what went wrong
 * (part of it may be written then). */
int io_write_all(int fd, struct str bytes);
/* The same; *bytes shrinks to what is not written. */
int io_write_rest(int fd, struct str *bytes);
/* Reads `len` bytes. 0, ENODATA where the end comes before, or what went
 * wrong. */
int io_read_all(int fd, void *to, size_t len);

/* Appends the whole file. 0, EFBIG (and `out` failed) where it is more than
 * `out` may hold, or what went wrong (ENOENT: there is none). */
int io_read_file(const char *path, struct buf *out);
/* `path` holds these bytes, with this mode whatever the umask, or what it held
 * before: they are written beside it, under a hidden name of their own, and
 * are on the disk before they take its place. Of two at a time one is last.
 * 0, or the errno of what went wrong; nothing is left beside it then. */
int io_write_file(const char *path, struct str bytes, mode_t mode);

#endif
