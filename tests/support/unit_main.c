/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the suites that one folder of tests/unit names in its suites.def, each
 * line `SUITE(name)` for a function `Suite *suite_name(void)`. */
#include <check.h>
#include <stdlib.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.def"
#undef SUITE

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    /* Check's own 4 s cut tests off when the disk was slow for a moment */
    setenv("CK_DEFAULT_TIMEOUT", "60", 0);

#define SUITE(name) srunner_add_suite(runner, suite_##name());
#include "suites.def"
#undef SUITE
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
