# One server on one machine: an EC2 instance, a volume for the data folder, a bucket for the archive. The VPC, its subnets and the load
# balancer are there already.

data "aws_subnet" "this" {
  id = var.subnet_id
}

data "aws_region" "this" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

module "archive" {
  source = "../archive"
  name   = var.name
}

resource "aws_security_group" "server" {
  name_prefix = "${var.name}-"
  description = "Freshet"
  vpc_id      = data.aws_subnet.this.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  for_each = var.allowed_security_group_ids

  security_group_id            = aws_security_group.server.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

# The bucket, the registry, Systems Manager, packages.
resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.server.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_subnet.this.availability_zone
  size              = var.volume_size
  type              = "gp3"
  encrypted         = true

  tags = {
    Name = "${var.name}-data"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.server.id
  # A new machine gets the volume after the old one has stopped, and with it Freshet.
  stop_instance_before_detaching = true
}

resource "aws_instance" "server" {
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.server.id]
  iam_instance_profile        = aws_iam_instance_profile.server.name
  user_data_replace_on_change = true

  user_data = templatefile("${path.module}/user-data.sh", {
    image    = var.image
    registry = var.ecr_repository_arn == "" ? "" : split("/", var.image)[0]
    region   = data.aws_region.this.region
    settings = join("\n", [for name, value in local.settings : "${name}=${value}"])
  })

  metadata_options {
    http_tokens = "required"
    # The container shares the host's network, so the machine's role is one hop away.
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_size = 20
  }

  tags = {
    Name = var.name
  }

  lifecycle {
    # A newer image of Amazon Linux is no reason for a new machine; `terraform apply -replace` is.
    ignore_changes = [ami]
  }
}

locals {
  settings = merge({
    FRESHET_LISTEN           = ":8080"
    FRESHET_DATA             = "/data/freshet"
    FRESHET_PUBLIC_URL       = var.public_url
    FRESHET_TRUSTED_PROXIES  = join(",", var.trusted_proxies)
    FRESHET_ARCHIVE_BUCKET   = module.archive.address
    FRESHET_ARCHIVE_INTERVAL = var.archive_interval
  }, var.settings)
}
