variable "name" {
  description = "System name: prefix of every resource, value of the label `system`."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "A system name is 3 to 20 lower-case letters, digits and dashes, and starts with a letter."
  }
}

variable "plain_names" {
  description = "Name topic, subscription and dataset as `datos` does by default; false: with the system's name as prefix, so that many share a project."
  type        = bool
  default     = true
}

variable "project" {
  description = "Google Cloud project of this system."
  type        = string
}

variable "project_number" {
  description = "Number of the project: Pub/Sub's own agent is named by it."
  type        = string
}

variable "region" {
  description = "Region of the services and of the messages."
  type        = string
}

variable "location" {
  description = "BigQuery location; default: the region."
  type        = string
  default     = null
}

variable "image" {
  description = "Image of `datos` by digest: REGION-docker.pkg.dev/P/R/datos@sha256:..."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Deploy by digest: IMAGE@sha256:... (a tag can change under you)."
  }
}

variable "labels" {
  description = "Labels of every resource."
  type        = map(string)
  default     = {}
}

variable "network" {
  description = "VPC network and subnetwork that services reach Redis through."
  type = object({
    network    = string
    subnetwork = string
  })
}

variable "schema_file" {
  description = "Table schema in BigQuery's JSON form."
  type        = string
}

variable "protect" {
  description = "Refuse to destroy table and services."
  type        = bool
  default     = true
}

variable "delivery" {
  description = "pull: a worker pool asks Pub/Sub. push: Pub/Sub calls the API."
  type        = string
  default     = "pull"
  validation {
    condition     = contains(["pull", "push"], var.delivery)
    error_message = "delivery is pull or push."
  }
}

variable "auth" {
  description = "Who may POST /datos: none, or jwt with issuer, audience and keys."
  type = object({
    mode     = optional(string, "jwt")
    issuer   = optional(string)
    audience = optional(string)
    jwks_url = optional(string)
  })
  validation {
    condition     = var.auth.mode == "none" || (var.auth.issuer != null && var.auth.audience != null && var.auth.jwks_url != null)
    error_message = "auth.mode jwt needs issuer, audience and jwks_url; mode none must be said in so many words."
  }
}

variable "api" {
  description = "Size of the API: CPU, memory, instances, requests at once."
  type = object({
    cpu           = optional(string, "1")
    memory        = optional(string, "512Mi")
    min_instances = optional(number, 1)
    max_instances = optional(number, 10)
    concurrency   = optional(number, 250)
  })
  default = {}
  validation {
    condition     = var.api.min_instances >= 1 && var.api.max_instances >= var.api.min_instances
    error_message = "api.min_instances is 1 at least, since the cache listens for invalidations between requests, and api.max_instances no less."
  }
}

variable "reads" {
  description = "What reading BigQuery may cost: how often the cached head is compared with the table, which reads today's partition, and the most that one read may bill (the lookup of an id, whose estimate does not know of clustering: ten times that)."
  type = object({
    check_seconds  = optional(number, 300)
    max_gib_billed = optional(number, 100)
  })
  default = {}
}

variable "deployer" {
  description = "Who brings revisions, as IAM writes it, and so must be allowed to act as this system's accounts; null: nobody but who applies."
  type        = object({ member = string })
  default     = null
}

variable "worker" {
  description = "Size of the ingest worker pool."
  type = object({
    cpu       = optional(string, "1")
    memory    = optional(string, "512Mi")
    instances = optional(number, 1)
  })
  default = {}
}

variable "redis" {
  description = "Size of the cache; tls: needs an image whose hiredis has TLS (built on Debian 13)."
  type = object({
    memory_gb = optional(number, 1)
    tier      = optional(string, "STANDARD_HA")
    tls       = optional(bool, false)
  })
  default = {}
}

variable "topic_schema" {
  description = "Have Pub/Sub itself check messages."
  type        = bool
  default     = false
}

variable "raw_subscription" {
  description = "Also keep every message, unchecked, in the table `raw`."
  type        = bool
  default     = false
}

variable "public" {
  description = "Anybody may call the API without a Google identity: reads are public, POST /datos asks for its own token (var.auth). False: callers need roles/run.invoker."
  type        = bool
  default     = true
}

variable "topic_retention" {
  description = "How long the topic keeps messages, so that a subscription can seek back."
  type        = string
  default     = "604800s"
}

variable "sidecar_image" {
  description = "Google's collector that scrapes /metrics."
  type        = string
}

variable "sidecar_cpu" {
  description = "CPU of the collector."
  type        = string
  default     = "1"
}

variable "ingress" {
  description = "Who reaches the service: through the load balancer only, or all."
  type        = string
  default     = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
}
