/* SPDX-License-Identifier: Apache-2.0 */
/* Which build this is. Threads: any. */
#ifndef CONFIG_VERSION_H
#define CONFIG_VERSION_H

const char *version_number(void); /* 0.1.0 */
/* Twelve hexadecimal digits of the git commit, or "unknown". */
const char *version_commit(void);

#endif
