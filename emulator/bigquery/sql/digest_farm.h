/* SPDX-License-Identifier: Apache-2.0 */
/* FarmHash's Fingerprint64. Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_DIGEST_FARM_H
#define EMULATOR_BIGQUERY_SQL_DIGEST_FARM_H

#include "common/str.h"

uint64_t digest_farm(struct str s);

#endif
