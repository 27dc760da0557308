/* SPDX-License-Identifier: Apache-2.0 */
/* Names and HTTP statuses, from status.def. */
#include "grpc/grpc.h"

const char *grpc_status_name(enum grpc_status status)
{
    static const char *const names[] = {
#define STATUS(name, http) #name,
#include "grpc/status.def"
#undef STATUS
    };

    return (unsigned)status < GRPC_N_STATUS ? names[status] : "UNKNOWN";
}

int grpc_status_http(enum grpc_status status)
{
    static const int https[] = {
#define STATUS(name, http) http,
#include "grpc/status.def"
#undef STATUS
    };

    return (unsigned)status < GRPC_N_STATUS ? https[status] : 500;
}
