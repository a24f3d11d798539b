# A tree that has a bit of everything, for the tests of the checker.

provider "aws" {
  region = var.region
}

data "aws_vpc" "default" {
  id = var.vpc_id
}

locals {
  name  = "${var.app_name}-mirror"
  sizes = [for zone in var.zones : { zone = zone, size = 2 }]
  total = sum(local.sizes[*].size)
}

module "instances" {
  source = "./modules/instances"

  name     = local.name
  vpc_id   = data.aws_vpc.default.id
  endpoint = module.wallarm.other.mirror_endpoint
  size     = local.total
  allow    = var.allow
  ingress = {
    mirror = { port = 4789, protocol = "udp", cidrs = [data.aws_vpc.default.cidr_block] }
    health = { port = 9445, cidrs = ["10.0.0.0/8"] }
  }
}

module "wallarm" {
  source  = "wallarm/wallarm/aws"
  version = ">= 1.4, < 2.0"

  preset        = "mirror"
  vpc_id        = var.vpc_id
  instance_type = "c6i.xlarge"
  token         = var.token
}
