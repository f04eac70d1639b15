#!/bin/bash
# downloader.sh of the emulator: the shape of OpenNebula's, with the function and the case that others complete.
DRIVER_PATH=$(dirname "$0")

function esc_sq
{
    echo "${1//\'/\'\\\'\'}"
}

function get_rbd_cmd
{
    echo "ssh 'nowhere' \"rbd export '$(esc_sq "$1")' -\""
}

# Usage: downloader.sh SOURCE DESTINATION
FROM="$1"
case "$FROM" in
rbd://*)
    command="$(get_rbd_cmd "$FROM")"
    ;;
*)
    command="cat '$(esc_sq "$FROM")'"
    ;;
esac
echo "$command"
