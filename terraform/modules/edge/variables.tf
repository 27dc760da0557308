variable "domain" {
  description = "Host name of the default system; each system answers at SYSTEM.DOMAIN too (a wildcard A record suffices)."
  type        = string
}

variable "default_system" {
  description = "System that the domain itself serves."
  type        = string
}

variable "services" {
  description = "Cloud Run services by system: name and region."
  type = map(object({
    service = string
    region  = string
  }))
}

variable "requests_per_minute" {
  description = "Requests a minute that one address may make before it gets 429."
  type        = number
  default     = 1200
}

variable "candidate_requests_per_minute" {
  description = "The same for the hosts of revisions that delivery tries: its load test is one address."
  type        = number
  default     = 60000
}
