/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/grpc_reflection.h"

#include "common/mem.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/wire.h"

extern const unsigned char proto_descriptors[];
extern const unsigned long proto_descriptors_len;

/* Fields of descriptor.proto that are looked at. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    ANY_NAME = 1, /* of messages, enums, services, methods, fields */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    SERVICE_METHOD = 2
};

#define NAMES_MAX 16

struct grpc_reflection {
    char *names;
    size_t n;
    Grpc__Reflection__V1__ServiceResponse services[NAMES_MAX];
    Grpc__Reflection__V1__ServiceResponse *list[NAMES_MAX];
};

/* --- descriptors ---------------------------------------------------------- */

/* The next length-delimited field; others are passed over. */
static bool next_field(struct wire *rest, uint64_t *id, struct str *value)
{
    struct wire_field f;

    while (wire_next(rest, &f)) {
        if (f.type != WIRE_BYTES)
            continue;
        *id = f.number;
        *value = f.bytes;
        return true;
    }
    return false;
}

static struct str first_of(struct str bytes, uint64_t wanted)
{
    struct wire rest = wire_of(bytes);
    struct str value;
    uint64_t id;

    while (next_field(&rest, &id, &value))
        if (id == wanted)
            return value;
    return STR("");
}

/* Takes "name" and a dot off the front of `*symbol`; all of it: empty. */
static bool take_name(struct str *symbol, struct str name)
{
    if (!name.len)
        return true;
    if (!str_starts(*symbol, name))
        return false;
    if (symbol->len == name.len) {
        *symbol = STR("");
        return true;
    }
    if (symbol->p[name.len] != '.')
        return false;
    *symbol = str_of(symbol->p + name.len + 1, symbol->len - name.len - 1);
    return true;
}

/* Does the message, enum or service declare what is left of the symbol? */
static bool declares(struct str bytes, bool is_message, bool is_service,
                     struct str symbol)
{
    struct wire rest = wire_of(bytes);
    struct str value;
    uint64_t id;

    if (!take_name(&symbol, first_of(bytes, ANY_NAME)))
        return false;
    if (!symbol.len)
        return true;
    while (next_field(&rest, &id, &value)) {
        if (is_service && id == SERVICE_METHOD &&
            declares(value, false, false, symbol))
            return true;
        if (is_message &&
            (id == MESSAGE_NESTED || id == MESSAGE_ENUM ||
             id == MESSAGE_FIELD) &&
            declares(value, id == MESSAGE_NESTED, false, symbol))
            return true;
    }
    return false;
}

static bool file_declares(struct str file, struct str symbol)
{
    struct wire rest = wire_of(file);
    struct str value;
    uint64_t id;

    if (!take_name(&symbol, first_of(file, FILE_PACKAGE)) || !symbol.len)
        return false;
    while (next_field(&rest, &id, &value))
        if ((id == FILE_MESSAGE || id == FILE_ENUM || id == FILE_SERVICE) &&
            declares(value, id == FILE_MESSAGE, id == FILE_SERVICE, symbol))
            return true;
    return false;
}

static struct str find(struct str wanted, bool by_name)
{
    struct wire rest = {proto_descriptors,
                        proto_descriptors + proto_descriptors_len};
    struct str file;
    uint64_t id;

    while (next_field(&rest, &id, &file))
        if (by_name ? str_eq(first_of(file, FILE_NAME), wanted)
                    : file_declares(file, wanted))
            return file;
    return STR_NULL;
}

struct str grpc_reflection_file(struct str name)
{
    return find(name, true);
}

struct str grpc_reflection_symbol(struct str symbol)
{
    return find(symbol, false);
}

/* --- the service ---------------------------------------------------------- */

static void send_error(struct grpc_call *call,
                       Grpc__Reflection__V1__ServerReflectionResponse out,
                       enum grpc_status status, const char *text)
{
    Grpc__Reflection__V1__ErrorResponse error =
        GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

    error.error_code = status;
    error.error_message = (char *)(uintptr_t)text;
    out.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    out.error_response = &error;
    grpc_send(call, &out.base);
}

static void send_file(struct grpc_call *call,
                      Grpc__Reflection__V1__ServerReflectionResponse out,
                      struct str file)
{
    Grpc__Reflection__V1__FileDescriptorResponse files =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    ProtobufCBinaryData bytes = {file.len, (uint8_t *)(uintptr_t)file.p};

    if (!file.p) {
        send_error(call, out, GRPC_NOT_FOUND, "Not found");
        return;
    }
    files.n_file_descriptor_proto = 1;
    files.file_descriptor_proto = &bytes;
    out.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    out.file_descriptor_response = &files;
    grpc_send(call, &out.base);
}

static void send_list(struct grpc_call *call,
                      Grpc__Reflection__V1__ServerReflectionResponse out,
                      struct grpc_reflection *r)
{
    Grpc__Reflection__V1__ListServiceResponse list =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;

    list.n_service = r->n;
    list.service = r->list;
    out.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    out.list_services_response = &list;
    grpc_send(call, &out.base);
}

static void on_message(struct grpc_call *call, ProtobufCMessage *m,
                       struct str raw, void *app)
{
    Grpc__Reflection__V1__ServerReflectionRequest *in =
        (Grpc__Reflection__V1__ServerReflectionRequest *)m;
    Grpc__Reflection__V1__ServerReflectionResponse out =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

    (void)raw;
    out.valid_host = in->host;
    out.original_request = in;
    switch (in->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        send_file(call, out,
                  grpc_reflection_file(str_from(in->file_by_filename)));
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        send_file(call, out,
                  grpc_reflection_symbol(str_from(in->file_containing_symbol)));
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        send_list(call, out, app);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        send_error(call, out, GRPC_NOT_FOUND, "There are no extensions");
        break;
    default:
        send_error(call, out, GRPC_INVALID_ARGUMENT,
                   "The request asks for nothing");
        break;
    }
}

static void on_half_close(struct grpc_call *call, void *app)
{
    (void)app;
    grpc_finish(call, GRPC_OK, NULL, NULL);
}

const struct grpc_method *grpc_reflection_methods(size_t *n)
{
    static const struct grpc_method methods[] = {
        {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
         .input = &grpc__reflection__v1__server_reflection_request__descriptor,
         .client_streams = true,
         .on_message = on_message,
         .on_half_close = on_half_close},
        {.path =
             "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
         .input = &grpc__reflection__v1__server_reflection_request__descriptor,
         .client_streams = true,
         .on_message = on_message,
         .on_half_close = on_half_close},
    };

    *n = sizeof(methods) / sizeof(methods[0]);
    return methods;
}

struct grpc_reflection *grpc_reflection_new(const char *names)
{
    struct grpc_reflection *r = MEM_NEW(struct grpc_reflection);
    char *rest;

    r->names = mem_printf("%s%s", names,
                          "grpc.health.v1.Health\n"
                          "grpc.reflection.v1.ServerReflection\n"
                          "grpc.reflection.v1alpha.ServerReflection\n");
    for (rest = r->names; *rest && r->n < NAMES_MAX;) {
        char *end = strchr(rest, '\n');
        Grpc__Reflection__V1__ServiceResponse *s = &r->services[r->n];

        *end = '\0';
        grpc__reflection__v1__service_response__init(s);
        s->name = rest;
        r->list[r->n++] = s;
        rest = end + 1;
    }
    return r;
}

void grpc_reflection_free(struct grpc_reflection *r)
{
    if (!r)
        return;
    mem_free(r->names);
    mem_free(r);
}
