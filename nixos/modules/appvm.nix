# SPDX-License-Identifier: Apache-2.0
# The agent of an application VM, in the session of its user.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.givc.appvm;
  agent = import ../agent.nix {
    inherit config lib pkgs;
    kind = "appvm";
  };
  inherit (agent) ours;

  # The first version's JSON object of "name": "command".
  fromJson = text: lib.mapAttrsToList (name: command: { inherit name command; }) (builtins.fromJSON text);
in
{
  imports = [
    (lib.mkChangedOptionModule
      [
        "givc"
        "appvm"
        "applications"
      ]
      [
        "givc"
        "appvm"
        "capabilities"
        "applications"
      ]
      (config: fromJson config.givc.appvm.applications)
    )
  ]
  ++ agent.renamed;

  options.givc.appvm = {
    inherit (agent.options)
      accessControl
      admin
      debug
      network
      ;
    enable = lib.mkEnableOption "the givc agent of an application VM";
    uid = lib.mkOption {
      type = lib.types.int;
      default = 1000;
      description = ''
        The user in whose session the agent runs, and no other's. Let that user linger, where applications shall start
        with nobody logged in.
      '';
    };
    capabilities = {
      inherit (agent.options.capabilities) policy;
      inherit (agent.proxies) socketProxy eventProxy;
      applications = lib.mkOption {
        type = lib.types.nullOr (lib.types.listOf ours.application);
        default = null;
        description = "Applications that may be started.";
        example = [
          {
            name = "browser";
            command = "/run/current-system/sw/bin/browser";
            args = [ "url" ];
          }
        ];
      };
      services = ours.strings "Units of the user's manager that may be seen and controlled.";
    };
  };

  config = lib.mkIf cfg.enable {
    inherit (agent) warnings;
    assertions = agent.assertions ++ [
      {
        # Without a list there may be proxies alone; an empty one says that something was forgotten.
        assertion =
          if cfg.capabilities.applications == null then
            cfg.capabilities.services != [ ] || cfg.capabilities.socketProxy.enable || cfg.capabilities.eventProxy.enable
          else
            cfg.capabilities.applications ++ cfg.capabilities.services != [ ];
        message = "A list of applications, or services (or targets), is required for this module to run.";
      }
    ];
    givc.appvm = {
      accessControl.agentRules = agent.rules;
      # Who says where they are is right; in the first version everybody had to.
      network.tls = lib.mapAttrs (_: lib.mkDefault) {
        caCertPath = "/run/givc/ca-cert.pem";
        certPath = "/run/givc/cert.pem";
        keyPath = "/run/givc/key.pem";
      };
    };

    environment.etc = agent.etc {
      type = 12;
      subType = 13;
      parent = "microvm@${cfg.network.agent.transport.name}.service";
    } { };
    security.polkit = {
      enable = true;
      extraConfig = ''
        polkit.addRule(function(action, subject) {
            if ((action.id == "org.freedesktop.locale1.set-locale" ||
                 action.id == "org.freedesktop.timedate1.set-timezone") && subject.isInGroup("users"))
                return polkit.Result.YES;
        });
      '';
    };
    systemd.services.givc-user-key-setup = import ../user-keys.nix { inherit lib pkgs; };
    systemd.user.services.${agent.name} = agent.service // {
      description = "givc agent of an application VM";
      after = [
        "${agent.name}.socket"
        "sockets.target"
      ];
      wants = [ "sockets.target" ];
      wantedBy = [ "default.target" ];
      unitConfig = agent.service.unitConfig // {
        ConditionUser = toString cfg.uid;
      };
    };
    systemd.user.sockets.${agent.name} = agent.socket // {
      unitConfig.ConditionUser = toString cfg.uid;
    };
    systemd.tmpfiles.rules = agent.tmpfiles;
    networking.firewall.allowedTCPPorts = agent.tcpPorts;
  };
}
