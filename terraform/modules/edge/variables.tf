variable "domain" {
  description = "Host name that serves all systems; each answers under /SYSTEM or, for the default system, under /."
  type        = string
}

variable "default_system" {
  description = "System that serves paths which name none."
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
