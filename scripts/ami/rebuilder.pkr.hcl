# Machine image of the appliance: Debian 13, the package, a host that is set up for one size of instance.
#
#   scripts/package                      # on Debian 13, for the image's architecture
#   cd scripts/ami
#   packer init . && packer build -var region=eu-central-1 -var deb=../../package/rebuilder_0.1.0+deb13_amd64.deb .
#
# Instances take their configuration from user data, which is a rebuilder.toml.

packer {
  required_version = ">= 1.8.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.0"
    }
  }
}

variable "region" {
  type = string
}

variable "deb" {
  type        = string
  description = "The package, made by scripts/package."
}

variable "profiles" {
  type        = list(string)
  default     = ["ec2-2xlarge", "ena-24.11"]
  description = "Of drivers-config: the size of the instances that will run, and their network card."
}

variable "architecture" {
  type        = string
  default     = "amd64"
  description = "amd64 or arm64, as the package is."

  validation {
    condition     = contains(["amd64", "arm64"], var.architecture)
    error_message = "The architecture must be amd64 or arm64."
  }
}

variable "builder_type" {
  type        = string
  default     = "c6in.large"
  description = "Type of the instance that the image is made with."
}

variable "subnet_id" {
  type        = string
  default     = null
  description = "Where that instance runs; the default VPC's if not given."
}

variable "kms_key_id" {
  type        = string
  default     = null
  description = "Key of the image's disk; the account's own if not given."
}

locals {
  debian_account = "136693071363" # the Debian project's images
}

source "amazon-ebs" "debian13" {
  region        = var.region
  instance_type = var.builder_type
  subnet_id     = var.subnet_id
  ssh_username  = "admin"
  ami_name      = "rebuilder-${var.architecture}-{{timestamp}}"
  ena_support   = true

  source_ami_filter {
    owners      = [local.debian_account]
    most_recent = true
    filters = {
      name                = "debian-13-${var.architecture}-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # IMDSv2 only: for the instance that the image is made with, and for those that are made of it.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"

  encrypt_boot = true
  kms_key_id   = var.kms_key_id

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 8
    volume_type           = "gp3"
    delete_on_termination = true
  }

  tags = {
    Name     = "rebuilder"
    Profiles = join(" ", var.profiles)
    Source   = "{{ .SourceAMIName }}"
  }
}

build {
  sources = ["source.amazon-ebs.debian13"]

  provisioner "shell" {
    inline = ["cloud-init status --wait >/dev/null || true", "mkdir -p /tmp/rebuilder"]
  }

  provisioner "file" {
    sources = [
      var.deb, "agent", "first-boot", "imds.py", "provision.sh", "rebuilder-agent.service", "rebuilder-first-boot.service",
      "sigv4.py",
    ]
    destination = "/tmp/rebuilder/"
  }

  provisioner "shell" {
    inline = ["sudo sh /tmp/rebuilder/provision.sh /tmp/rebuilder ${join(" ", var.profiles)}", "rm -rf /tmp/rebuilder"]
  }
}
