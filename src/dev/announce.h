/* SPDX-License-Identifier: Apache-2.0 */
/* What `datos dev` tells once all is ready: the table for people, the ready
 * file for programs, the environment for children. */
#ifndef DEV_ANNOUNCE_H
#define DEV_ANNOUNCE_H

#include <stdint.h>
#include <stdio.h>

#include "common/rc.h"

struct parts;

/* Addresses and `export` lines. */
void announce_table(const struct parts *parts, int64_t took_us, FILE *out);
/* Written beside and renamed, so that no reader sees half of it. */
RC_MUST_USE int announce_file(const struct parts *parts, const char *path,
                              struct err *err);
/* Our own environment, which children inherit, so far as it is known. */
void announce_environment(const struct parts *parts);

#endif
