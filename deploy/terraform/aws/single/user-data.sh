#!/bin/bash
# Runs once, at the machine's first start. A volume that has a file system keeps it.
set -euo pipefail

dnf install -y docker

# The volume comes after the machine.
until [ -b /dev/sdf ]; do sleep 1; done
blkid /dev/sdf >/dev/null || mkfs.xfs /dev/sdf
mkdir -p /data
echo "UUID=$(blkid -s UUID -o value /dev/sdf) /data xfs defaults,nofail 0 2" >>/etc/fstab
systemctl daemon-reload
mount /data
chown 65532:65532 /data
chmod 700 /data

mkdir -p /etc/freshet
cat >/etc/freshet/freshet.env <<'SETTINGS'
${settings}
SETTINGS

cat >/etc/systemd/system/freshet.service <<'UNIT'
[Unit]
Description=Freshet analytics
Requires=docker.service
After=docker.service network-online.target
Wants=network-online.target
# Without its disk it does not start: an empty folder would be a new server, which knows none of the apps' keys.
RequiresMountsFor=/data

[Service]
%{ if registry != "" ~}
ExecStartPre=/bin/bash -c 'aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${registry}'
%{ endif ~}
ExecStartPre=-/usr/bin/docker rm --force freshet
ExecStart=/usr/bin/docker run --name freshet --network host --env-file /etc/freshet/freshet.env --volume /data:/data \
  --read-only --tmpfs /tmp:size=512m,mode=1777 --cap-drop ALL --security-opt no-new-privileges --ulimit nofile=65536 \
  --stop-timeout 90 ${image}
ExecStop=/usr/bin/docker stop --time 90 freshet
TimeoutStartSec=10min
TimeoutStopSec=100
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT

systemctl daemon-reload
systemctl enable --now docker freshet
