# The log: three brokers in three zones. The server makes the topic, with three copies of which two acknowledge.

resource "aws_security_group" "kafka" {
  name_prefix = "${var.name}-kafka-"
  description = "Brokers of Freshet's log"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "kafka" {
  security_group_id            = aws_security_group.kafka.id
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  # SASL/SCRAM over TLS.
  from_port = 9096
  to_port   = 9096
}

resource "aws_msk_configuration" "log" {
  name = var.name
  # A topic that nobody made on purpose could delete events by time; a replica that lacks events must not lead.
  server_properties = <<-EOT
    auto.create.topics.enable=false
    unclean.leader.election.enable=false
  EOT
}

resource "aws_msk_cluster" "log" {
  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = 3

  broker_node_group_info {
    instance_type   = var.broker_instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.kafka.id]

    storage_info {
      ebs_storage_info {
        volume_size = var.broker_volume_size
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.log.arn
    revision = aws_msk_configuration.log.latest_revision
  }

  client_authentication {
    sasl {
      scram = true
    }
  }

  encryption_info {
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_msk_scram_secret_association" "log" {
  cluster_arn     = aws_msk_cluster.log.arn
  secret_arn_list = [var.kafka_secret_arn]
}
