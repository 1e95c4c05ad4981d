package check

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

func TestTerraform(t *testing.T) {
	known, _ := names(t)
	found, err := filepath.Glob(filepath.Join(Root, "deploy/terraform/*/*/versions.tf"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, path := range found {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			files, err := ReadModule(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			if err := Terraform(filepath.Dir(path), files, known); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBrokenTerraform(t *testing.T) {
	known, _ := names(t)
	folder := filepath.Join(Root, "deploy/terraform/aws/single")
	whole, err := ReadModule(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct{ name, file, from, to, complaint string }{
		{"a brace too few", "main.tf", "tags = {", "tags = ", "main.tf"},
		{"an indentation", "main.tf", "  name = \"/aws", "    name = \"/aws", "not formatted"},
		{"a variable that there is not", "main.tf", "var.volume_size", "var.disk_size", "var.disk_size is not declared"},
		{"a resource that there is not", "main.tf", "aws_instance.server.id", "aws_instance.machine.id", "aws_instance.machine is not declared"},
		{"data that there are not", "main.tf", "data.aws_subnet.this.vpc_id", "data.aws_subnet.that.vpc_id", "data.aws_subnet.that is not declared"},
		{"a variable that is left over", "variables.tf", "variable \"name\"", "variable \"extra\" {\n  description = \"x\"\n  type        = string\n}\n\nvariable \"name\"", "var.extra is not used"},
		{"a variable that is not explained", "variables.tf", "  description = \"Subnet", "  # = \"Subnet", "var.subnet_id has no description"},
		{"a setting that there is not", "main.tf", "FRESHET_PUBLIC_URL ", "FRESHET_PUBLIC_URI ", "FRESHET_PUBLIC_URI is no setting"},
		{"a template's variable that there is not", "user-data.sh", "${settings}", "${environment}", "is not given environment"},
		{"a template that is elsewhere", "main.tf", "/user-data.sh", "/userdata.sh", "template \"userdata.sh\""},
		{"a block that there is not", "main.tf", "locals {", "local {", "there is no block local"},
		{"a module's variable that there is not", "main.tf", "  name   = var.name", "  title  = var.name", "../archive has no variable title"},
		{"a module's variable that is not given", "main.tf", "  name   = var.name\n", "", "../archive is not given name"},
		{"a module that is elsewhere", "main.tf", "../archive", "../archives", "no such file"},
		{"a name twice", "outputs.tf", "output \"archive\"", "output \"instance_id\"", "declared twice"},
	} {
		t.Run(b.name, func(t *testing.T) {
			files := maps.Clone(whole)
			files[b.file] = bytes.Replace(files[b.file], []byte(b.from), []byte(b.to), 1)
			if bytes.Equal(files[b.file], whole[b.file]) {
				t.Fatalf("has no %q to break", b.from)
			}
			if err := Terraform(folder, files, known); err == nil || !strings.Contains(err.Error(), b.complaint) {
				t.Errorf("complaint is %v, want %q in it", err, b.complaint)
			}
		})
	}
}
