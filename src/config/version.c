/* SPDX-License-Identifier: Apache-2.0 */
/* The build writes version_gen.h; only this file is compiled anew for it. */
#include "config/version.h"

#include "version_gen.h"

const char *version_number(void)
{
    return DATOS_VERSION;
}

const char *version_commit(void)
{
    return DATOS_COMMIT;
}
