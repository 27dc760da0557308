variable "name" {
  description = "System name: prefix of every resource, value of the label `system`."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}[a-z0-9]$", var.name))
    error_message = "A system name is 3 to 30 lower-case letters, digits and dashes, and starts with a letter."
  }
}

variable "names" {
  description = "Names of the data resources; the defaults are those that `datos` uses."
  type = object({
    topic                    = optional(string, "datos-topic")
    subscription             = optional(string, "datos-subscription")
    dead_letter_topic        = optional(string, "datos-dead-letter")
    dead_letter_subscription = optional(string, "datos-dead-letter-subscription")
    dataset                  = optional(string, "latam_dataset")
    table                    = optional(string, "datos")
  })
  default = {}
}

variable "location" {
  description = "BigQuery location of dataset and tables."
  type        = string
}

variable "labels" {
  description = "Labels of every resource."
  type        = map(string)
  default     = {}
}

variable "schema_file" {
  description = "Table schema in BigQuery's JSON form: the one file that the programs read too."
  type        = string
}

variable "protect" {
  description = "Refuse to destroy the table and its rows."
  type        = bool
  default     = true
}

variable "topic_retention" {
  description = "How long the topic keeps messages, so that a subscription can seek back."
  type        = string
  default     = "604800s"
}

variable "delivery" {
  description = "pull: a worker asks. push: Pub/Sub calls the API with an OIDC token."
  type = object({
    mode            = optional(string, "pull")
    endpoint        = optional(string)
    service_account = optional(string)
    audience        = optional(string)
  })
  default = {}
  validation {
    condition     = contains(["pull", "push"], var.delivery.mode)
    error_message = "delivery.mode is pull or push."
  }
  validation {
    condition     = var.delivery.mode == "pull" || (var.delivery.endpoint != null && var.delivery.service_account != null)
    error_message = "Push delivery needs endpoint and service_account."
  }
}

variable "topic_schema" {
  description = "Have Pub/Sub itself refuse messages that do not fit the table (protocol buffers, JSON encoding). Off by default: what it refuses never reaches the dead-letter topic."
  type        = bool
  default     = false
}

variable "raw_subscription" {
  description = "Also write every message, unchecked, into the table `raw` through a BigQuery subscription."
  type        = bool
  default     = false
}

variable "pubsub_agent" {
  description = "Member of Pub/Sub's own service agent: serviceAccount:service-NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com."
  type        = string
}
