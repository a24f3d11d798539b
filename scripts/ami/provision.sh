#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes an appliance of a fresh Debian: run as root by Packer in the instance of which the image is taken, and by
# scripts/test-package in a chroot.
#   provision.sh FOLDER PROFILE...    FOLDER has rebuilder_*.deb and the files of scripts/ami
set -eu

case ${1:-} in
-h | --help) sed -n '3,5p' "$0" | cut -c3-; exit 0 ;;
esac
[ $# -ge 2 ] || { echo 'provision: a folder and at least one profile are needed; see --help' >&2; exit 2; }
folder=$(realpath "$1")
shift
export DEBIAN_FRONTEND=noninteractive

echo 'provision: packages'
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$folder"/rebuilder_*.deb dpdk iproute2 kmod >/dev/null
case " $* " in
*' ena-22.11 '*) apt-get install -y -qq --no-install-recommends dpdk-kmods-dkms "linux-headers-$(uname -r)" >/dev/null ;;
esac

echo "provision: the host, by $*"
# Files only: hugepages, modules and isolated CPUs come with the first boot. The CPUs are those of the profile, not of this machine.
cpus=$(for profile; do sed -n 's/^#: cpus = //p' "/usr/share/rebuilder/drivers-config/profiles/$profile.toml" 2>/dev/null || true; done | head -1)
rebuilder-host-setup --root / ${cpus:+--cpus "$cpus"} "$@"
if command -v update-grub >/dev/null; then update-grub; fi

echo 'provision: services'
install -d /usr/lib/rebuilder
install -m 755 "$folder/agent" "$folder/first-boot" /usr/lib/rebuilder/
install -m 644 "$folder/imds.py" "$folder/sigv4.py" /usr/lib/rebuilder/
install -m 644 "$folder/rebuilder-agent.service" "$folder/rebuilder-first-boot.service" /etc/systemd/system/
systemctl enable rebuilder-agent.service rebuilder-first-boot.service rebuilder.service

# Nothing of this machine goes into the image: each instance gets its own.
apt-get clean
rm -rf /var/lib/apt/lists/* /var/lib/cloud/instances /etc/ssh/ssh_host_*
: >/etc/machine-id
echo 'provision: done'
