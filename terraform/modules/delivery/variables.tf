variable "project" {
  description = "Project of images and deploy identity."
  type        = string
}

variable "region" {
  description = "Region of the image repository."
  type        = string
}

variable "github" {
  description = "The one repository that may deploy, by GitHub's numeric ids (names can be taken over, ids cannot)."
  type = object({
    owner_id      = string
    repository_id = string
    branch        = optional(string, "main")
    environment   = optional(string, "production")
  })
  validation {
    condition     = can(regex("^[0-9]+$", var.github.owner_id)) && can(regex("^[0-9]+$", var.github.repository_id))
    error_message = "owner_id and repository_id are numbers: gh api repos/OWNER/NAME --jq '.owner.id, .id'."
  }
}

variable "apply_roles" {
  description = "Project roles of jobs behind the environment, so that they may apply the configuration; empty: none may."
  type        = list(string)
  default     = []
}

variable "state_bucket" {
  description = "Bucket of the Terraform state."
  type        = string
}

variable "private_services" {
  description = "Cloud Run services that are not public, by system: a rollout asks them as an account of its own."
  type = map(object({
    service = string
    region  = string
  }))
  default = {}
}
