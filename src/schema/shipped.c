/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped schema file's bytes, inside the program: one file for C,
 * Terraform and the README, and nothing to install beside the binary. */
#include "schema/schema.h"

__asm__(".section .rodata\n"
        ".global datos_shipped_schema, datos_shipped_schema_end\n"
        "datos_shipped_schema:\n"
        ".incbin \"src/schema/datos.json\"\n"
        "datos_shipped_schema_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char datos_shipped_schema[], datos_shipped_schema_end[];

struct str schema_shipped(void)
{
    /* two labels of one section: as numbers, for C knows them as two objects */
    return str_of(datos_shipped_schema, (uintptr_t)datos_shipped_schema_end -
                                            (uintptr_t)datos_shipped_schema);
}
