# SPDX-License-Identifier: Apache-2.0
{
  givc.dbusproxy = {
    enable = true;
    system = {
      enable = true;
      user = "ghaf";
      socket = "/run/net/dbus.sock";
      policy.talk = [
        "org.freedesktop.NetworkManager.*"
        "org.freedesktop.Avahi.*"
      ];
      policy.call = [ "org.freedesktop.UPower=org.freedesktop.UPower.EnumerateDevices" ];
    };
  };
  givc.sysvm = {
    enable = true;
    enableUserTlsAccess = true;
    notifier.enable = true;
    accessControl.enable = true;
    accessControl.agentRules = [
      {
        permittedVms = [ "gui-vm" ];
        permittedModules = [ "hwid" ];
      }
    ];
    network = {
      tls.crlPath = "/etc/givc/crl.pem";
      agent.transport = {
        name = "net-vm";
        addr = "192.168.101.1";
      };
      admin.transport = {
        name = "admin-vm";
        addr = "192.168.101.10";
        port = "9001";
      };
    };
    capabilities = {
      wifi.enable = true;
      wifi.certificates = "/etc/wireless";
      ctap.enable = true;
      hwid.enable = true;
      hwid.interface = "wlan0";
      socketProxy = {
        enable = true;
        sockets = [
          {
            transport = {
              name = "gui-vm";
              addr = "192.168.101.3";
              port = "9010";
            };
            socket = "/run/net/dbus.sock";
          }
          {
            transport = {
              name = "audio-vm";
              addr = "192.168.101.5";
              port = "9011";
            };
            socket = "/run/audio/dbus.sock";
            server = false;
          }
        ];
      };
      eventProxy = {
        enable = true;
        events = [
          {
            transport = {
              name = "app-vm";
              addr = "192.168.101.6";
              port = "9015";
            };
            producer.enable = true;
            device = "wireless controller";
          }
        ];
      };
    };
  };
}
