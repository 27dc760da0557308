/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a load job: what was uploaded, or files; unpacked. */
#ifndef EMULATOR_BIGQUERY_LOAD_SOURCE_H
#define EMULATOR_BIGQUERY_LOAD_SOURCE_H

#include "emulator/bigquery/job.h"

struct load_source {
    struct str data;
    struct buf files, unzipped, recoded;
};

RC_MUST_USE int load_source_open(struct load_source *s, struct job *j,
                                 const json_t *config);
/* From ISO-8859-1 to UTF-8. */
RC_MUST_USE int load_source_recode(struct load_source *s, struct job *j);
void load_source_close(struct load_source *s);

#endif
