output "address" {
  description = "Address to point the domain's A record at."
  value       = google_compute_global_address.edge.address
}

output "probe_url" {
  description = "Where a revision with the tag `candidate` of a service answers, with {tag} and {system} to fill in."
  value       = "https://{tag}-{system}.${var.domain}"
}
