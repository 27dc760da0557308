/* SPDX-License-Identifier: Apache-2.0 */
/* --data-from-yaml: projects, datasets, tables and rows in the form of goccy's
 * bigquery-emulator, so that its seed files go on working. */
#ifndef EMULATOR_SEED_YAML_H
#define EMULATOR_SEED_YAML_H

struct err;

/* The file as a text in --config's form (owned), or NULL and why: file, line,
 * what is wanted. */
char *seed_yaml_read(const char *path, struct err *err);

#endif
