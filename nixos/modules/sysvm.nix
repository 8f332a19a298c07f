# SPDX-License-Identifier: Apache-2.0
# The agent of a system VM, which controls the VM's own units and lends what the VM has: radio, devices, sockets.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.givc.sysvm;
  agent = import ../agent.nix {
    inherit config lib pkgs;
    kind = "sysvm";
  };
  rename =
    from: to:
    lib.mkRenamedOptionModule
      [
        "givc"
        "sysvm"
        from
      ]
      (
        [
          "givc"
          "sysvm"
          "capabilities"
        ]
        ++ to
      );
in
{
  imports = [
    ./notifier.nix
    (rename "wifiManager" [
      "wifi"
      "enable"
    ])
    (rename "hwidService" [
      "hwid"
      "enable"
    ])
    (rename "hwidIface" [
      "hwid"
      "interface"
    ])
  ]
  ++ agent.renamed;

  options.givc.sysvm = {
    inherit (agent.options)
      accessControl
      admin
      debug
      network
      ;
    enable = lib.mkEnableOption "the givc agent of a system VM";
    enableUserTlsAccess = lib.mkEnableOption "a copy of the certificates in /run/givc, which the group `users` may read, for the client";
    capabilities = {
      inherit (agent.options.capabilities) policy;
      inherit (agent.proxies) socketProxy eventProxy;
      services = lib.mkOption {
        type = lib.types.listOf lib.types.str;
        default = [
          "reboot.target"
          "poweroff.target"
        ];
        description = "Units of the VM that may be seen and controlled.";
      };
      wifi = {
        enable = lib.mkEnableOption "wireless networks, through NetworkManager";
        certificates = agent.ours.string "" "Directory of the certificates and keys that callers may name. Empty: none.";
      };
      hwid = {
        enable = lib.mkEnableOption "the identity of the hardware, which is the address of a network interface";
        interface = agent.ours.string "" "Which interface. Empty: the first that has one.";
      };
      ctap.enable = lib.mkEnableOption "security tokens (CTAP) for other VMs";
    };
  };

  config = lib.mkIf cfg.enable (
    {
      inherit (agent) warnings;
      assertions = agent.assertions ++ [
        {
          assertion = cfg.capabilities.services != [ ];
          message = "A list of services (or targets) is required for this module to run.";
        }
      ];
      givc.sysvm.accessControl.agentRules = agent.rules;

      environment.etc =
        agent.etc
          {
            type = 8;
            subType = 9;
            parent = "microvm@${cfg.network.agent.transport.name}.service";
          }
          {
            notifier = {
              inherit (cfg.notifier) enable;
              socket = builtins.dirOf cfg.notifier.socketPath;
            };
          };
      systemd.targets.givc-setup = {
        description = "givc is set up";
        requires = [ "network.target" ];
        after = [ "network.target" ];
        wantedBy = [ "multi-user.target" ];
      };
      systemd.services.${agent.name} = agent.service // {
        description = "givc agent of a system VM";
        after = [
          "${agent.name}.socket"
          "givc-setup.target"
        ];
        partOf = [ "givc-setup.target" ];
        wantedBy = [ "givc-setup.target" ];
        path = [ pkgs.dbus ] ++ lib.optional cfg.capabilities.ctap.enable pkgs.qubes-ctap;
      };
      systemd.services.givc-user-key-setup = lib.mkIf cfg.enableUserTlsAccess (import ../user-keys.nix { inherit lib pkgs; });
      systemd.sockets.${agent.name} = agent.socket;
      systemd.tmpfiles.rules = agent.tmpfiles;
      networking.firewall.allowedTCPPorts = agent.tcpPorts;
    }
    # Where the log level is set; systems without D-Bus set it in the configuration.
    // lib.optionalAttrs (options ? services.dbus) { services.dbus.packages = [ pkgs.givc-agent ]; }
  );
}
