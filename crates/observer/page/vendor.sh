#!/bin/sh
# Fetches the modules of the page that others wrote, from the npm registry, and checks them: package, version, file in the
# package, name here, and the SHA-256 that a test holds the file to. Needs npm.
set -eu
cd "$(dirname "$0")/vendor"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r package version file name sha256; do
    archive=$work/$package-$version.tgz
    [ -f "$archive" ] || npm pack --silent --pack-destination "$work" "$package@$version" > /dev/null
    tar -xzOf "$archive" "package/$file" > "$work/$name"
    echo "$sha256  $work/$name" | sha256sum --check --quiet
    mv "$work/$name" "$name"
done < files.txt
