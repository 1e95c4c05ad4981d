# Projects, keys and what people saved. While it is away events are taken with what was known last.

resource "aws_security_group" "database" {
  name_prefix = "${var.name}-database-"
  description = "Database of Freshet's projects and keys"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "database" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_db_instance" "database" {
  identifier             = var.name
  engine                 = "postgres"
  engine_version         = "17"
  instance_class         = var.database_instance_class
  allocated_storage      = 20
  storage_type           = "gp3"
  storage_encrypted      = true
  multi_az               = true
  db_name                = "freshet"
  username               = "freshet"
  password_wo            = var.database_password
  password_wo_version    = 1
  db_subnet_group_name   = aws_db_subnet_group.database.name
  vpc_security_group_ids = [aws_security_group.database.id]

  # Keys are nowhere else as a whole: two weeks to go back to.
  backup_retention_period   = 14
  deletion_protection       = true
  final_snapshot_identifier = "${var.name}-final"
}
