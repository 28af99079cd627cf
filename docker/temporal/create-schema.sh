#!/bin/sh
# Brings the databases of a Temporal server to the schema of this image's version; what is there already is left.
# The tool reads where the database is from SQL_*.
set -eu

schema=/etc/temporal/schema/postgresql/v12

# database, folder of its schema
prepare() {
  echo "database $1"
  temporal-sql-tool --database "$1" create-database
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-dir "$schema/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
