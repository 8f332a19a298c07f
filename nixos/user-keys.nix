# SPDX-License-Identifier: Apache-2.0
# A copy of the certificates that agents in users' sessions, and the client, may read. Of these alone: on a machine that
# makes certificates for others, theirs and the authority's key are there, too.
{ lib, pkgs }:
{
  description = "givc certificates for users' sessions";
  wantedBy = [ "local-fs.target" ];
  after = [
    "local-fs.target"
    "givc-key-setup.service"
  ];
  serviceConfig = {
    Type = "oneshot";
    ExecStart = lib.concatStringsSep " " [
      "${pkgs.rsync}/bin/rsync -r --chown=root:users --chmod=g+rx"
      "--include=/givc/ --include=/givc/*.pem --exclude=* /etc/givc /run"
    ];
  };
}
