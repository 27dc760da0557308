/* SPDX-License-Identifier: Apache-2.0 */
/* One INFORMATION_SCHEMA view while its rows are gathered; private to
 * bind_info.c. */
#ifndef EMULATOR_BIGQUERY_SQL_INFO_H
#define EMULATOR_BIGQUERY_SQL_INFO_H

#include "emulator/bigquery/sql/bind.h"

struct info_sink_arg {
    struct binder *b;
    struct sql_info_sink *sink;
    const char *view;
    struct str project, dataset;
};

#endif
