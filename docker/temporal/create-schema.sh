#!/bin/sh
# Creates the databases of a Temporal server, or updates them to the schema of this image's version.
# The tool reads the address of the database from SQL_*.
set -eu

schema=/etc/temporal/schema/postgresql/v12

# Arguments: database, folder of its schema.
prepare() {
  echo "database $1"
  temporal-sql-tool --database "$1" create-database
  temporal-sql-tool --database "$1" setup-schema --version 0.0
  temporal-sql-tool --database "$1" update-schema --schema-dir "$schema/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
