terraform {
  required_version = ">= 1.5.7"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }

  # terraform init -backend-config=bucket=STATE_BUCKET -backend-config=prefix=ENVIRONMENT
  backend "gcs" {}
}

# Budgets are asked for in the name of a project, not of the person applying.
provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
  default_labels = {
    environment = var.environment
    managed-by  = "terraform"
  }
}
