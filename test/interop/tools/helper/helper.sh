#!/bin/sh
# helper.sh NODE watch [DIR]: keeps the files of X.509 fresh and a process of NODE told. helper.sh NODE once DIR: writes them once and ends.
# helper.sh NODE tokens DIR AUDIENCE OTHER OTHER: keeps a token for one audience and one for three, and the JWT bundle.
# TMPDIR is a folder of the suite. The log goes among the lines of that process: tools/lines.mjs reads both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
umask 077
node=$1 mode=$2
daemon=true
x509='svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "bundle.pem"
include_federated_domains = true'
case $mode in
  watch) dir=${3:-$(mktemp -d)} && what="$x509
cmd = \"$node\"
cmd_args = \"$here/told.mjs $dir\"
renew_signal = \"SIGHUP\"" ;;
  once) dir=$3 daemon=false what=$x509 ;;
  tokens) dir=$3 && what="jwt_bundle_file_name = \"bundle.json\"
jwt_svids = [
  {jwt_audience = \"$4\", jwt_svid_file_name = \"one.jwt\"},
  {jwt_audience = \"$4\", jwt_extra_audiences = [\"$5\", \"$6\"], jwt_svid_file_name = \"three.jwt\"}]" ;;
esac
cat > "$dir/helper.conf" <<END
agent_address = "${SPIFFE_ENDPOINT_SOCKET#unix://}"
cert_dir = "$dir"
$what
END
# A signal that comes while the process is still starting must not end it.
trap '' HUP
exec "$here/spiffe-helper" -config "$dir/helper.conf" -daemon-mode="$daemon" 2>&1
