/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ready.h"

#include <stdarg.h>
#include <unistd.h>

#include "common/buf.h"

void ready_tell(int fd, const char *name, ...)
{
    struct buf line;
    va_list ap;
    ssize_t n;

    if (fd < 0)
        return;
    buf_init(&line, 4096);
    va_start(ap, name);
    for (const char *key = name; key; key = va_arg(ap, const char *)) {
        buf_putc(&line, line.len ? ',' : '{');
        buf_json_str(&line, str_from(key));
        buf_putc(&line, ':');
        buf_json_str(&line, str_from(va_arg(ap, const char *)));
    }
    va_end(ap);
    buf_puts(&line, "}\n");
    /* short enough for a pipe to take whole; a supervisor that is gone is no
     * reason to fail */
    n = write(fd, line.data, line.len);
    (void)n;
    close(fd);
    buf_fini(&line);
}
