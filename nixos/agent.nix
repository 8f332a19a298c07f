# SPDX-License-Identifier: Apache-2.0
# What the agents of hosts, system VMs and application VMs have in common: options, and what is made of them.
{
  config,
  lib,
  pkgs,
  kind, # "host", "sysvm" or "appvm"
}:
let
  inherit (lib)
    filter
    mkEnableOption
    mkIf
    mkOption
    mkRenamedOptionModule
    optional
    optionals
    toInt
    types
    unique
    ;
  cfg = config.givc.${kind};
  ours = import ./types.nix { inherit config lib; };
  units = import ./units.nix { inherit lib; };
  rules = import ./rules.nix { inherit lib pkgs; };

  inherit (cfg.network.agent) transport;
  inherit (cfg) capabilities;
  name = "givc-${transport.name}";
  isUser = kind == "appvm";

  # A machine may have one agent of each kind. The first that there is has the names that others look for.
  others = filter (other: other != kind && (config.givc.${other}.enable or false)) [
    "host"
    "sysvm"
    "appvm"
  ];
  isFirst = kind == "host" || !(lib.elem "host" others) && (kind == "sysvm" || !(lib.elem "sysvm" others));
  configFile = "givc-agent/${if isFirst then "config" else kind}.json";
  rulesFile = "givc-agent-acl/${if isFirst then "rules" else kind}.cedar";
  # Each has a name and an address of its own.
  clashes = filter (
    other:
    let
      its = config.givc.${other}.network.agent.transport;
    in
    its.name == transport.name || removeAttrs its [ "name" ] == removeAttrs transport [ "name" ]
  ) others;

  # What not every kind has.
  hasSockets = capabilities ? socketProxy && capabilities.socketProxy.enable;
  hasEvents = capabilities ? eventProxy && capabilities.eventProxy.enable;
  listed = list: optionals (list != null) list;
  sockets = optionals hasSockets (listed capabilities.socketProxy.sockets);
  events = optionals hasEvents (listed capabilities.eventProxy.events);
  isOn = capability: capabilities ? ${capability} && capabilities.${capability}.enable;

  # What the system before this one does not have is in the configuration only where it is not the default.
  said = set: defaults: removeAttrs set (filter (key: set.${key} == defaults.${key}) (lib.attrNames defaults));

  # Paths of drop-ins for what the sandbox has to leave open.
  dropIns =
    optional hasEvents ../units/examples/50-events.conf
    ++ optional (isOn "policy") ../units/examples/50-policies.conf
    ++ optional hasSockets ../units/examples/50-socket-proxy.conf;
  unit = units.read (
    if isUser then
      [ ../units/user/givc-agent.service ]
    else
      [ ../units/givc-agent.service ] ++ dropIns
  );

  policyAdmin = config.givc.admin.policyAdmin or { };
  adminStore = if policyAdmin.enable or false && config.givc.admin.enable then policyAdmin.storePath else null;
  parentsOf = paths: unique (map builtins.dirOf (filter (path: path != "") paths));
  writable =
    optionals (isOn "policy") ([ capabilities.policy.storePath ] ++ parentsOf (lib.attrValues capabilities.policy.policies))
    ++ parentsOf (map (proxy: proxy.socket) (filter (proxy: !proxy.server) sockets));

  listen =
    {
      tcp = "${transport.addr}:${transport.port}";
      vsock = "vsock:${if transport.addr == "any" then "" else transport.addr}:${transport.port}";
      unix = transport.addr;
    }
    .${transport.protocol};

  tcpPort = t: optional (t.protocol == "tcp") (toInt t.port);
  ports = proxies: map (proxy: toInt proxy.transport.port) proxies;

  rename =
    from: to:
    mkRenamedOptionModule
      (
        [
          "givc"
          kind
        ]
        ++ from
      )
      (
        [
          "givc"
          kind
        ]
        ++ to
      );
  transportFields = [
    "name"
    "addr"
    "port"
    "protocol"
  ];
in
{
  inherit name unit ours;

  # Options of the first version, which had one flat set.
  renamed =
    map (field: rename [ field ] [ "network" "agent" "transport" field ]) transportFields
    ++ map (field: rename [ "admin" field ] [ "network" "admin" "transport" field ]) transportFields
    ++ [
      (rename [ "tls" ] [ "network" "tls" ])
      (rename [ "services" ] [ "capabilities" "services" ])
    ];

  # Which did nothing.
  warnings = optional (cfg.admin.enable != null) ''
    The option `givc.${kind}.admin.enable' has no effect: an agent has an admin. Remove it.
  '';

  options = {
    admin.enable = mkOption {
      type = types.nullOr types.bool;
      default = null;
      visible = false;
      description = "Of the first version, without effect.";
    };
    accessControl = mkOption {
      type = ours.agentAccess;
      default = { };
      description = "Who may call the agent.";
    };
    network = {
      agent.transport = ours.transportOption "Name and address of this machine's agent." {
        name = "net-vm";
        addr = "192.168.100.4";
        port = "9000";
      };
      admin.transport = ours.transportOption "Name and address of the admin." {
        name = "admin-vm";
        addr = "192.168.100.3";
        port = "9001";
      };
      tls = mkOption {
        type = ours.tls;
        default = { };
        description =
          "Certificates of the connections."
          + lib.optionalString isUser " Paths that nobody sets are those of the copy for users, in `/run/givc`.";
      };
    };
    capabilities.policy = mkOption {
      type = ours.policyClient;
      default = { };
      description = "Policies that the admin distributes.";
    };
    debug = mkEnableOption "messages of the agent for debugging, in which may be what nobody else shall read";
  };

  proxies = {
    socketProxy = {
      enable = mkEnableOption "the socket proxy, which joins sockets of two machines";
      sockets = mkOption {
        type = types.nullOr (types.listOf ours.proxy);
        default = null;
        description = "Sockets, each of which needs a configuration at both ends.";
        example = [
          {
            transport = {
              name = "gui-vm";
              addr = "192.168.100.5";
              port = "9013";
            };
            socket = "/tmp/.dbusproxy_app.sock";
          }
        ];
      };
    };
    eventProxy = {
      enable = mkEnableOption "the event proxy, which brings input devices to another machine";
      events = mkOption {
        type = types.nullOr (types.listOf ours.event);
        default = null;
        description = "Devices, each of which needs a configuration at both ends.";
        example = [
          {
            transport = {
              name = "gui-vm";
              addr = "192.168.100.5";
              port = "9014";
            };
            producer.enable = true;
            device = "wireless controller";
          }
        ];
      };
    };
  };

  assertions = [
    {
      assertion = clashes == [ ];
      message = ''
        The agents givc.${kind} and givc.${lib.head (clashes ++ [ "" ])} of one machine need different names and addresses.
      '';
    }
    {
      assertion = cfg.accessControl.enable -> cfg.network.tls.enable;
      message = "Access control is only available with TLS enabled.";
    }
    {
      assertion =
        cfg.network.tls.enable
        -> (cfg.network.tls.caCertPath != "" && cfg.network.tls.certPath != "" && cfg.network.tls.keyPath != "");
      message = ''
        The TLS configuration requires paths' to CA certificate, service certificate, and service key.
        To disable TLS, set 'tls.enable = false;'.
      '';
    }
    {
      assertion = isOn "policy" -> capabilities.policy.storePath != adminStore;
      message = "givc.${kind}.capabilities.policy and givc.admin.policyAdmin need a `storePath' each.";
    }
    {
      assertion = hasSockets -> capabilities.socketProxy.sockets != null;
      message = "givc.${kind}.capabilities.socketProxy is enabled, and its `sockets' are not set.";
    }
    {
      assertion = hasEvents -> capabilities.eventProxy.events != null;
      message = "givc.${kind}.capabilities.eventProxy is enabled, and its `events' are not set.";
    }
    {
      assertion = lib.allUnique (ports sockets);
      message = "SocketProxy: Each socket proxy instance requires a unique port number.";
    }
    {
      assertion = lib.allUnique (map (proxy: proxy.socket) sockets);
      message = "SocketProxy: Each socket proxy instance requires a unique socket.";
    }
    {
      assertion = lib.allUnique (ports events);
      message = "EventProxy: Each event proxy instance requires a unique port number.";
    }
  ];

  # What its capabilities need, where access rules are on.
  rules =
    [
      {
        permittedVms = [ cfg.network.admin.transport.name ];
        permittedModules = [
          "systemd"
          "locale"
          "stats"
          "journal"
        ]
        ++ optional (isOn "exec") "exec"
        ++ optional (isOn "ctap") "ctap"
        ++ optional (isOn "wifi") "wifimanager"
        ++ optional (isOn "hwid") "hwid"
        ++ optional (isOn "policy") "policyadmin"
        ++ optional (kind == "sysvm" && cfg.notifier.enable || isUser) "notify";
      }
    ]
    ++ optional hasSockets {
      permittedVms = unique (map (proxy: proxy.transport.name) sockets);
      permittedModules = [ "socketproxy" ];
    }
    ++ optional hasEvents {
      permittedVms = unique (
        map (event: event.consumer.permittedSource) (
          filter (event: event.consumer.enable && event.consumer.permittedSource != null) events
        )
      );
      permittedModules = [ "eventproxy" ];
    };

  # The agent's configuration: identity is the kind's, extra is what it has besides the options' own names.
  etc = identity: extra: {
    ${configFile}.text = builtins.toJSON {
      identity = {
        inherit (transport) name;
      }
      // identity;
      network = cfg.network // {
        tls = said cfg.network.tls { crlPath = ""; };
      };
      capabilities =
        capabilities
        // lib.optionalAttrs (capabilities ? exec) { exec = said capabilities.exec {
            commands = null;
            environment = null;
          }; }
        // lib.optionalAttrs (capabilities ? wifi) { wifi = said capabilities.wifi { certificates = ""; }; }
        // extra;
      accessControl = said {
        inherit (cfg.accessControl) enable onError;
        rulesFile = "/etc/${rulesFile}";
      } { onError = "skip"; };
    };
    ${rulesFile} = mkIf cfg.accessControl.enable { source = rules.check (rules.agent cfg.accessControl); };
    "modules-load.d/givc.conf" = mkIf hasEvents { text = "uinput\n"; };
  };

  service = {
    unitConfig = removeAttrs (unit.Unit or { }) [
      "After"
      "Requires"
      "Description"
      "Documentation"
    ];
    documentation = [ "man:givc-agent(8)" ];
    requires = [ "${name}.socket" ];
    serviceConfig =
      # systemd takes no two services of one bus name.
      removeAttrs unit.Service (optional (!isFirst) "BusName")
      // {
        ExecStart = "${pkgs.givc-agent}/bin/givc-agent -config /etc/${configFile}" + lib.optionalString cfg.debug " -debug";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
      }
      // lib.optionalAttrs (!isUser && writable != [ ]) { ReadWritePaths = unique writable; };
  };

  socket = {
    description = "givc agent socket of ${transport.name}";
    wantedBy = [ "sockets.target" ];
    socketConfig =
      (units.read (
        if isUser then ../units/user/givc-agent.socket else ../units/givc-agent.socket
      )).Socket
      // {
        ListenStream = listen;
        FreeBind = true;
      };
  };

  tcpPorts = tcpPort transport ++ lib.concatMap (proxy: tcpPort proxy.transport) (sockets ++ events);

  # The agent's own: a root without capabilities may not write what is another's. 100 is the group users.
  tmpfiles = optional (isOn "policy") "d ${capabilities.policy.storePath} 0755 ${
    if isUser then "${toString cfg.uid} 100" else "root root"
  } -";
}
