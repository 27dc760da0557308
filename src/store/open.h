/* SPDX-License-Identifier: Apache-2.0 */
/* The store that the settings name: DATOS_STORE. */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "store/store.h"

struct settings;

/* `schema` is borrowed for the store's life. */
RC_MUST_USE int store_open(const struct settings *settings,
                           const struct schema *schema, struct store **out,
                           struct err *err);

#endif
