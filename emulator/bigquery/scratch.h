/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are nobody's but this process', and for no longer than it.
 * Threads: any. */
#ifndef EMULATOR_BIGQUERY_SCRATCH_H
#define EMULATOR_BIGQUERY_SCRATCH_H

/* Makes an empty file in `dir` (may be NULL), else in TMPDIR or one of the
 * usual folders. Returns its path, owned, and `*fd`; NULL: none of them is
 * writable. The caller unlinks it as soon as nobody needs the name. */
char *scratch_file(const char *dir, int *fd);

#endif
