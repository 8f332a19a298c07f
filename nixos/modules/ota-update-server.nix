# SPDX-License-Identifier: Apache-2.0
# Which updates of a system there are, told to machines that ask for them. The program is ghaf-givc's: this is so that a
# system which has the module there keeps it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.ota-update-server;
  inherit (lib) mkOption types;
  flag = name: value: "--${name} ${lib.escapeShellArg value}";
in
{
  options.services.ota-update-server = {
    enable = lib.mkEnableOption "the list of updates of this system's profiles";
    port = mkOption {
      type = types.port;
      default = 3000;
      description = "Port to listen on.";
    };
    path = mkOption {
      type = types.str;
      default = "/nix/var/nix/profiles/per-user/updates";
      description = "Directory of the profiles.";
    };
    allowedProfiles = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Profiles that are told of.";
    };
    publicKey = mkOption {
      type = types.str;
      default = "BOGUS";
      description = "Public key of the binary cache that has the updates.";
    };
    cachix = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Domain of a binary cache, for which the server pretends to be Cachix: for tests.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = pkgs ? ota-update-server;
        message = ''
          services.ota-update-server runs pkgs.ota-update-server, which is ghaf-givc's: put its overlay before givc's.
        '';
      }
    ];
    systemd.services.ota-update-server = {
      description = "Updates of this system's profiles";
      after = [ "network.target" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {
        Type = "exec";
        ExecStart = lib.concatStringsSep " " (
          [
            "${pkgs.ota-update-server}/bin/ota-update-server serve"
            (flag "port" (toString cfg.port))
            (flag "path" cfg.path)
            (flag "pub-key" cfg.publicKey)
            # It does not start without.
            (flag "cachix" (if cfg.cachix == null then "" else cfg.cachix))
          ]
          ++ lib.optional (cfg.allowedProfiles != [ ]) (flag "allowed-profiles" (lib.concatStringsSep "," cfg.allowedProfiles))
        );
        Restart = "on-failure";
        TimeoutStopSec = 5;
        DynamicUser = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        NoNewPrivileges = true;
      };
    };
    environment.systemPackages = [ pkgs.ota-update-server ];
  };
}
