/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* modules: emulator/pubsub emulator emulator/identity emulator/proto src/net src/grpc src/schema src/http src/common */
/* clang-format on */
/* A saved state of Pub/Sub: loaded whole or refused; what is loaded can be
 * saved, and that loads again. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/loop.h"
#include "emulator/clock.h"
#include "emulator/faults.h"
#include "emulator/pubsub/pubsub.h"
#include "emulator/service.h"

static struct service *service;

static void begin(void)
{
    static struct emulator e = {.project = "p", .profile = PROFILE_STRICT};
    struct err err = {0};

    log_init(LOG_OFF, "fuzz", "fuzz");
    e.loop = loop_new();
    e.clock = vclock_new(e.loop);
    e.faults = faults_new(1);
    service = pubsub_new(&e, &err);
    if (!service)
        abort();
}

static void ignore(void *arg, int rc, const char *text)
{
    (void)arg;
    (void)rc;
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct err err = {0};
    struct buf saved;

    if (!service)
        begin();
    if (service->load(service->self, str_of((const char *)bytes, len), &err))
        return 0;
    buf_init(&saved, 64 << 20);
    if (service->save(service->self, &saved, &err) ||
        service->load(service->self, buf_as_str(&saved), &err)) {
        fprintf(stderr, "not loaded again: %s\n", err.text);
        abort();
    }
    buf_fini(&saved);
    service->reset(service->self, ignore, NULL);
    return 0;
}
