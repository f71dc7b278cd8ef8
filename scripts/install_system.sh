#!/usr/bin/env bash
# Brings the Debian packages that some tests start for real (PostgreSQL, Chromium), where this machine lacks them and lets us.
# Where it cannot, those tests say so and are skipped; so this script never fails.
set -u

missing=()
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)

[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, and only root may: ${missing[*]}; the tests that need them are skipped"
    exit 0
fi
echo "Installing for the tests (once): ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || echo "Could not install ${missing[*]}; the tests that need them are skipped"
exit 0
