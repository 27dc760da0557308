# The topic schema that fits the table: protocol buffers derived from the one
# schema file. Not Avro: its JSON encoding wants {"contenido":{"string":"..."}}
# for what may be null, and would refuse the messages that publishers send.
# No resources here: tests evaluate it without a provider.

locals {
  # proto3 field types that carry each column in JSON encoding
  proto_types = {
    STRING    = "string", BYTES = "bytes", INTEGER = "int64", INT64 = "int64",
    FLOAT     = "double", FLOAT64 = "double", BOOLEAN = "bool", BOOL = "bool",
    TIMESTAMP = "string", DATE = "string", TIME = "string", DATETIME = "string",
    NUMERIC   = "string", BIGNUMERIC = "string", JSON = "string",
  }
  columns = jsondecode(file(var.schema_file))
  proto_fields = [
    for i, c in local.columns : join("", [
      "  ",
      try(c.mode, "NULLABLE") == "REPEATED" ? "repeated " : try(c.mode, "NULLABLE") == "REQUIRED" ? "" : "optional ",
      local.proto_types[upper(c.type)], " ", c.name, " = ", i + 1, ";",
    ])
  ]
  proto_definition = join("\n", concat(["syntax = \"proto3\";", "message Dato {"], local.proto_fields, ["}", ""]))
}
