/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/override.h"

#include "http/http.h"

struct str override_method(struct http_req *req)
{
    struct str method = http_req_method_name(req);
    struct str other = http_req_field(req, STR("x-http-method-override"));

    return other.len && str_eq(method, STR("POST")) ? other : method;
}

bool override_has_form(struct http_req *req)
{
    return str_eq(http_req_method_name(req), STR("POST")) &&
           str_eq(override_method(req), STR("GET")) &&
           str_starts(http_req_known(req, HTTP_H_CONTENT_TYPE),
                      STR("application/x-www-form-urlencoded"));
}
