terraform {
  # terraform_data, terraform_remote_state and local-exec are built into Terraform: no provider is downloaded.
  required_version = ">= 1.9"
}
