#!/usr/bin/env bash
# Unpacks Consul 1.8.7 of Debian 11 into .cache/consul, from the same mirror that the packages of this machine come from; nothing is installed.
set -euo pipefail
cd "$(dirname "$0")"
[ -x .cache/consul/usr/bin/consul ] && exit 0
mkdir -p .cache/consul .cache/apt/lists/partial
uri=$({ grep -hoE '^URIs: *\S+' /etc/apt/sources.list.d/*.sources 2>/dev/null || true; grep -hE '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } | grep -oE '\S+://\S+' | grep -v security | head -1 || true)
[ -n "$uri" ] || { echo 'get-consul.sh: found no source of Debian packages on this machine' >&2; exit 1; }
options=$(grep -hoE '^deb \[[^]]*\]' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -1 | sed 's/^deb //' || true)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -n "$options" ] || { [ -f "$keyring" ] && options="[signed-by=$keyring]"; }
echo "deb ${options:-} $uri bullseye main" >.cache/apt/bullseye.list
apt=(-qq -o "Dir::Etc::sourcelist=$PWD/.cache/apt/bullseye.list" -o Dir::Etc::sourceparts=- -o "Dir::State::Lists=$PWD/.cache/apt/lists" -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update
(cd .cache/apt && rm -f consul_*.deb && apt-get "${apt[@]}" download consul)
dpkg-deb -x .cache/apt/consul_*.deb .cache/consul
# Not through a pipe: what Consul writes behind its first line would end the script.
version=$(.cache/consul/usr/bin/consul version)
echo "${version%%$'\n'*}"
