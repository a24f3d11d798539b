#!/bin/sh
# Drains an instance.
set -eu
systemctl stop rebuilder
echo "drained: $1"
