variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Default region."
  type        = string
  default     = "us-central1"
}

variable "environment" {
  description = "Name of this environment: label of every resource."
  type        = string
}

variable "image" {
  description = "Image of `datos` by digest; delivery passes it. Null only while `systems` is empty: the first apply makes the repository that the image goes to."
  type        = string
  default     = null
}

variable "sidecar_image" {
  description = "Google's collector that scrapes /metrics into Managed Service for Prometheus; newer ones: gcloud artifacts docker tags list of this repository."
  type        = string
  default     = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.9.2"
}

variable "sidecar_cpu" {
  description = "CPU of the collector. It needs a tenth, but Cloud Run documents less than 1 only for request-based billing and the first generation; try 0.1 where the bill matters."
  type        = string
  default     = "1"
}

variable "subnets" {
  description = "Address range of the subnetwork of each region that systems use: written down, not counted, so that a new region moves no other."
  type        = map(string)
  default = {
    us-central1        = "10.64.0.0/20"
    us-east1           = "10.64.16.0/20"
    southamerica-west1 = "10.64.32.0/20"
    southamerica-east1 = "10.64.48.0/20"
    europe-west1       = "10.64.64.0/20"
  }
}

variable "systems" {
  description = "The systems, by name: one or fifty, a line each."
  type = map(object({
    region           = optional(string)
    location         = optional(string)
    owner            = optional(string, "datos")
    delivery         = optional(string, "pull")
    topic_schema     = optional(bool, false)
    raw_subscription = optional(bool, false)
    protect          = optional(bool, true)
    plain_names      = optional(bool, false)
    critical         = optional(bool, false)
    public           = optional(bool, true)
    topic_retention  = optional(string, "604800s")
    api = optional(object({
      cpu           = optional(string, "1")
      memory        = optional(string, "512Mi")
      min_instances = optional(number, 1)
      max_instances = optional(number, 10)
      concurrency   = optional(number, 250)
    }), {})
    reads = optional(object({
      check_seconds  = optional(number, 300)
      max_gib_billed = optional(number, 100)
    }), {})
    worker = optional(object({
      cpu       = optional(string, "1")
      memory    = optional(string, "512Mi")
      instances = optional(number, 1)
    }), {})
    redis = optional(object({
      memory_gb = optional(number, 1)
      tier      = optional(string, "STANDARD_HA")
      tls       = optional(bool, false)
    }), {})
  }))
  default = {
    datos = { plain_names = true, critical = true }
  }
  validation {
    condition     = alltrue([for name in keys(var.systems) : can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", name))])
    error_message = "A system name is 3 to 20 lower-case letters, digits and dashes, starts with a letter and ends with none of the dashes: service accounts named after it may have 30."
  }
  validation {
    condition     = alltrue([for name in keys(var.systems) : !startswith(name, "candidate-")])
    error_message = "candidate-... are the hosts that a new revision is tried on: no system may be named so."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : s.api.min_instances >= 1 && s.api.max_instances >= s.api.min_instances])
    error_message = "api.min_instances is 1 at least, since the cache listens for invalidations between requests, and api.max_instances no less."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : s.api.concurrency >= 1 && s.api.concurrency <= 1000 && s.api.concurrency == floor(s.api.concurrency)])
    error_message = "api.concurrency is 1 to 1000, the most that Cloud Run takes."
  }
  validation {
    condition     = alltrue(flatten([for s in values(var.systems) : [for cpu in [s.api.cpu, s.worker.cpu] : contains(["1", "2", "4", "6", "8"], cpu)]]))
    error_message = "api.cpu and worker.cpu are \"1\", \"2\", \"4\", \"6\" or \"8\": Cloud Run gives less than one only while a request is served."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : s.worker.instances >= 1 && s.worker.instances == floor(s.worker.instances)])
    error_message = "worker.instances is 1 at least: with none, messages wait and nothing says why. A system that Pub/Sub pushes to (delivery = \"push\") has no worker."
  }
  validation {
    condition = alltrue([for s in values(var.systems) :
    can(regex("^[0-9]{1,7}s$", s.topic_retention)) ? tonumber(trimsuffix(s.topic_retention, "s")) >= 600 && tonumber(trimsuffix(s.topic_retention, "s")) <= 2678400 : false])
    error_message = "topic_retention is in seconds with an s, from \"600s\" (ten minutes) to \"2678400s\" (31 days)."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : s.reads.check_seconds >= 1 && s.reads.check_seconds <= 86400])
    error_message = "reads.check_seconds, how often the cached head is compared with BigQuery, is 1 to 86400."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : s.reads.max_gib_billed >= 1 && s.reads.max_gib_billed <= 1048576 && s.reads.max_gib_billed == floor(s.reads.max_gib_billed)])
    error_message = "reads.max_gib_billed, the most that one read of BigQuery may bill, is a whole number of GiB from 1 to 1048576."
  }
  validation {
    condition     = alltrue([for s in values(var.systems) : can(regex("^[a-z][a-z0-9_-]{0,62}$", s.owner))])
    error_message = "owner is a label: up to 63 lower-case letters, digits, dashes and underscores, a letter first."
  }
  validation {
    condition     = length([for s in values(var.systems) : s if s.plain_names]) <= 1
    error_message = "Only one system of a project can have plain names."
  }
}

variable "default_system" {
  description = "System that the domain's root serves."
  type        = string
  default     = "datos"
}

variable "auth" {
  description = "Who may POST /datos."
  type = object({
    mode     = optional(string, "jwt")
    issuer   = optional(string)
    audience = optional(string)
    jwks_url = optional(string)
  })
}

variable "domain" {
  description = "Host name of the load balancer; null: none is made and services take all traffic."
  type        = string
  default     = null
}

variable "github" {
  description = "The repository that may deploy, by numeric ids; null: no delivery identity."
  type = object({
    owner_id      = string
    repository_id = string
    branch        = optional(string, "main")
    environment   = optional(string, "production")
  })
  default = null
}

variable "apply_roles" {
  description = "What delivery's reviewed environment may do to the project when it applies this configuration."
  type        = list(string)
  default = [
    "roles/artifactregistry.admin", "roles/bigquery.admin", "roles/compute.loadBalancerAdmin",
    "roles/compute.networkAdmin", "roles/compute.securityAdmin", "roles/iam.roleAdmin", "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin", "roles/logging.configWriter", "roles/monitoring.editor",
    "roles/pubsub.admin", "roles/redis.admin", "roles/resourcemanager.projectIamAdmin", "roles/run.admin",
    "roles/secretmanager.admin", "roles/servicenetworking.networksAdmin", "roles/serviceusage.serviceUsageAdmin",
  ]
}

variable "state_bucket" {
  description = "Bucket of the Terraform state (made before the first init)."
  type        = string
}

variable "billing_account" {
  description = "Billing account for the budget; null: none."
  type        = string
  default     = null
}

variable "monthly_budget_usd" {
  description = "Budget of the project a month; mails at 50, 90 and 100 %, and when the forecast passes it."
  type        = number
  default     = 350
}

variable "runbook_url" {
  description = "Where RUNBOOK.md can be read: alerts link to its sections."
  type        = string
  validation {
    condition     = can(regex("^https://", var.runbook_url))
    error_message = "runbook_url is https://..., for example https://github.com/OWNER/NAME/blob/main/terraform/RUNBOOK.md."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts, by owner label."
  type        = map(string)
  default     = {}
}
