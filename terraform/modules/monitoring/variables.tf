variable "systems" {
  description = "Every system to watch."
  type = map(object({
    owner        = string
    critical     = bool
    subscription = string
    service      = string
  }))
}

variable "alert_emails" {
  description = "Mail address by owner; an owner without one is told nothing."
  type        = map(string)
}

variable "runbook_url" {
  description = "Where RUNBOOK.md can be read; alerts link to its sections."
  type        = string
}
