# SPDX-License-Identifier: Apache-2.0
# A copy of the certificates that agents in users' sessions, and the client, may read.
{ pkgs }:
{
  description = "givc certificates for users' sessions";
  wantedBy = [ "local-fs.target" ];
  after = [ "local-fs.target" ];
  serviceConfig = {
    Type = "oneshot";
    ExecStart = "${pkgs.rsync}/bin/rsync -r --chown=root:users --chmod=g+rx /etc/givc /run";
  };
}
