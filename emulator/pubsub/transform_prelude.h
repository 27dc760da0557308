/* SPDX-License-Identifier: Apache-2.0 */
/* What ES2015 to ES2021 added to arrays, objects and strings that transforms
 * like to use and the engine lacks: a script that defines it. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_PRELUDE_H
#define EMULATOR_PUBSUB_TRANSFORM_PRELUDE_H

extern const char transform_prelude[];

#endif
