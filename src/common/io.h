/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that block. Threads: any; signal handlers too. */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include "common/str.h"

/* Writes all of it, whatever interrupts. 0, or the errno of what went wrong
 * (part of it may be written then). */
int io_write_all(int fd, struct str bytes);

#endif
