# SPDX-License-Identifier: Apache-2.0
# Notifications of other VMs on this one's desktop, through a socket in each session.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.givc.sysvm.notifier;

  show = pkgs.writeShellApplication {
    name = "event-notifier";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.jq
      pkgs.libnotify
      pkgs.systemd
    ];
    text = ''
      # Who has no screen sees nothing.
      loginctl list-sessions --json=short | jq --exit-status --argjson uid "$UID" \
          'any(.seat != null and .uid == $uid)' >/dev/null || exit 0

      event=$(jq --raw-output --slurp 'last // empty | [.Event // "[unknown]", .Title // "System Event",
          (.Urgency // 1 | if . == 0 or . == 1 or . == 2 then . else 1 end), .Icon // "",
          .Message // "(no details provided)"] | map(tostring) | join("\u001f")')
      [ -n "$event" ] || exit 0 # whoever connected said nothing
      IFS=$'\x1f' read -r -d "" name title urgency icon message <<<"$event" || true
      fallback=(dialog-information dialog-warning dialog-error)
      exec notify-send --expire-time=${toString cfg.timeout} --app-name="$name" --hint="byte:urgency:$urgency" \
          --icon="''${icon:-''${fallback[$urgency]}}" -- "$title" "''${message%$'\n'}"
    '';
  };
in
{
  options.givc.sysvm.notifier = {
    enable = lib.mkEnableOption "notifications that other VMs send to users of this one";
    socketPath = lib.mkOption {
      type = lib.types.str;
      default = "/run/log/journal-notifier/user-%U.sock";
      readOnly = true;
      description = "The socket of a session; `%U` is the user's number.";
    };
    timeout = lib.mkOption {
      type = lib.types.int;
      default = 10000;
      description = "How long a notification is shown, in milliseconds.";
    };
    group = lib.mkOption {
      type = lib.types.str;
      default = "users";
      description = "The group whose members are notified.";
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.tmpfiles.rules = [ "d ${builtins.dirOf cfg.socketPath} 0770 root ${cfg.group} -" ];
    systemd.user.sockets.event-notifier = {
      description = "Notifications from other VMs";
      wantedBy = [ "sockets.target" ];
      unitConfig = {
        ConditionGroup = [ cfg.group ];
        ConditionPathExists = builtins.dirOf cfg.socketPath;
      };
      socketConfig = {
        ListenStream = cfg.socketPath;
        Accept = true;
        SocketMode = "0660";
        SocketGroup = cfg.group;
        DirectoryMode = "0770";
      };
    };
    systemd.user.services."event-notifier@" = {
      description = "Notification from another VM";
      # No RemainAfterExit=: an instance of each notification would stay.
      serviceConfig = {
        Type = "oneshot";
        StandardInput = "socket";
        StandardOutput = "journal";
        StandardError = "journal";
        ExecStart = lib.getExe show;
      };
    };
  };
}
