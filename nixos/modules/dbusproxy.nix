# SPDX-License-Identifier: Apache-2.0
# A D-Bus of this machine behind a filter, as a socket that the socket proxy lends to another.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.givc.dbusproxy;
  inherit (lib) mkEnableOption mkOption types;

  rule =
    description:
    mkOption {
      type = types.nullOr (types.listOf types.str);
      default = null;
      inherit description;
    };

  bus = types.submodule {
    options = {
      enable = mkEnableOption "the filtered socket of this bus";
      user = mkOption {
        type = types.str;
        default = "root";
        description = "The user that the bus sees; users of other numbers are refused at the socket, too.";
      };
      socket = mkOption {
        type = types.str;
        default = "/tmp/.dbusproxy.sock";
        description = "The socket that is made.";
      };
      policy = {
        see = rule "Names that can be seen.";
        talk = rule "Names that can be called, and whose signals arrive.";
        own = rule "Names that can be taken.";
        call = rule "Calls that are let through, as NAME=METHOD@PATH.";
        broadcast = rule "Signals that are let through, as NAME=SIGNAL@PATH.";
      };
      debug = mkEnableOption "a log of all that passes";
    };
  };

  kinds = [
    "see"
    "talk"
    "own"
    "call"
    "broadcast"
  ];
  isFiltered = policy: lib.any (kind: policy.${kind} != null) kinds;
  flags = policy: lib.concatMap (kind: map (name: "--${kind}=${name}") (lib.toList policy.${kind})) (
    lib.filter (kind: policy.${kind} != null) kinds
  );

  service = bus: address: {
    Type = "exec";
    ExecStart = lib.concatStringsSep " " (
      [
        "${pkgs.xdg-dbus-proxy}/bin/xdg-dbus-proxy"
        address
        bus.socket
        "--filter"
      ]
      ++ flags bus.policy
      ++ lib.optional bus.debug "--log"
    );
    Restart = "on-failure";
    RestartSec = 1;
    TimeoutStopSec = 5;
    # The agent, a root without capabilities, is let in by its group.
    UMask = "0007";
  };

  needsFilter = name: {
    assertion = cfg.${name}.enable -> isFiltered cfg.${name}.policy;
    message = ''
      At least one policy value (see/talk/own/call/broadcast) for the ${name} bus must be set. For more information, please
      refer to the xdg-dbus-proxy manual.
    '';
  };
  user = config.users.users.${cfg.session.user} or { };
in
{
  options.givc.dbusproxy = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to put a filter before the system bus, a session bus, or both. Who reaches its socket can do there what
        `policy` lets through: read it twice.
      '';
    };
    system = mkOption {
      type = bus;
      default = { };
      description = "The system bus.";
      example = {
        enable = true;
        user = "ghaf";
        socket = "/tmp/.dbusproxy_net.sock";
        policy.talk = [ "org.freedesktop.NetworkManager.*" ];
        policy.call = [ "org.freedesktop.UPower=org.freedesktop.UPower.EnumerateDevices" ];
      };
    };
    session = mkOption {
      type = bus;
      default = { };
      description = ''
        The session bus of a user. An agent of the system gets to its socket where `users` is the user's first group.
      '';
      example = {
        enable = true;
        user = "ghaf";
        socket = "/tmp/.dbusproxy_app.sock";
        policy.talk = [ "org.mpris.MediaPlayer2.playerctld.*" ];
      };
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.system.enable || cfg.session.enable;
        message = "The DBUS proxy module requires at least one of the system or session bus to be enabled.";
      }
      (needsFilter "system")
      (needsFilter "session")
      {
        assertion = cfg.session.enable -> (user.isNormalUser or false && (user.uid or null) != null);
        message = "You need to specify a non-system user with UID set to run the session bus proxy.";
      }
    ];
    environment.systemPackages = [ pkgs.xdg-dbus-proxy ];
    systemd.services.givc-dbusproxy-system = lib.mkIf cfg.system.enable {
      description = "Filter before the system bus";
      before = [ "givc-setup.target" ];
      wantedBy = [ "givc-setup.target" ];
      serviceConfig = service cfg.system "unix:path=/run/dbus/system_bus_socket" // {
        User = cfg.system.user;
        Group = "users";
      };
    };
    systemd.user.services.givc-dbusproxy-session = lib.mkIf cfg.session.enable {
      description = "Filter before the session bus";
      after = [ "sockets.target" ];
      wants = [ "sockets.target" ];
      wantedBy = [ "default.target" ];
      unitConfig.ConditionUser = cfg.session.user;
      serviceConfig = service cfg.session "unix:path=/run/user/${toString (user.uid or "")}/bus";
    };
  };
}
