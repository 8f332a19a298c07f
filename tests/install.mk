# SPDX-License-Identifier: Apache-2.0
# `make install DESTDIR= PREFIX=`: programs, library, wire contract, units and pages to where systemd and pkg-config look.

LIBDIR    ?= $(PREFIX)/lib
MANDIR    ?= $(PREFIX)/share/man
UNITDIR   ?= $(PREFIX)/lib/systemd
SHELLS    := bash zsh fish
PAGES     := $(patsubst man/%.scd,$(B)/man/%,$(wildcard man/*.scd)) $(B)/man/givc-api.7 $(B)/man/givc-cli.1
ZSHDIR    ?= $(PREFIX)/share/zsh/site-functions
put        = $(foreach f,$(2),install -D -m $(1) $(f) $(DESTDIR)$(3)/$(notdir $(f)) &&) true
# units/PROGRAM.KIND as PROGRAM.conf
put_as     = $(foreach f,$(wildcard units/*.$(1)),install -D -m 644 $(f) $(DESTDIR)$(2)/$(notdir $(f:.$(1)=.conf)) &&) true

$(B)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@
$(B)/man/givc-api.scd: man/givc-api.awk man/givc-api.7.in $(sort $(PROTOS))
	@mkdir -p $(@D)
	awk -f $^ > $@
$(B)/man/givc-api.7: $(B)/man/givc-api.scd
	scdoc < $< > $@
$(B)/man/givc-cli.1:
	@mkdir -p $(@D)
	echo .so man1/givcctl.1 > $@
$(B)/completions/%: $(B)/givcctl
	@mkdir -p $(@D)
	$(B)/givcctl --completion=$* > $@
man: $(PAGES)
.PHONY: man
install: all $(PAGES) $(SHELLS:%=$(B)/completions/%)
	$(call put,755,$(PROGRAMS),$(PREFIX)/bin)
	ln -sf givcctl $(DESTDIR)$(PREFIX)/bin/givc-cli
	install -D -m 644 $(B)/libgivc.so $(DESTDIR)$(LIBDIR)/libgivc.so.0
	ln -sf libgivc.so.0 $(DESTDIR)$(LIBDIR)/libgivc.so
	$(call put,644,$(wildcard src/libgivc/givc/*.h),$(PREFIX)/include/givc)
	install -D -m 644 src/libgivc/givc.pc.in $(DESTDIR)$(LIBDIR)/pkgconfig/givc.pc
	sed -i -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' $(DESTDIR)$(LIBDIR)/pkgconfig/givc.pc
	$(call put,644,$(wildcard src/libgivc/examples/*),$(PREFIX)/share/givc/examples)
	cd proto && find . -name '*.proto' -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX)/share/givc/proto)/{} \;
	$(call put,644,$(wildcard units/*.service units/*.socket),$(UNITDIR)/system)
	$(call put,644,$(wildcard units/user/*),$(UNITDIR)/user)
	$(call put,644,$(wildcard units/*.rules),$(PREFIX)/share/polkit-1/rules.d)
	$(call put,644,$(wildcard units/examples/*.conf units/examples/*.rules),$(PREFIX)/share/givc/examples/units)
	$(call put,644,units/examples/config.json,$(PREFIX)/share/givc/examples)
	sed -i 's|/usr/bin/givc|$(PREFIX)/bin/givc|' $(DESTDIR)$(UNITDIR)/system/givc-*.service \
	    $(DESTDIR)$(UNITDIR)/user/givc-*.service $(DESTDIR)$(PREFIX)/share/polkit-1/rules.d/givc-*.rules
	install -D -m 644 $(B)/completions/bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/givcctl
	ln -sf givcctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/givc-cli
	install -D -m 644 $(B)/completions/zsh $(DESTDIR)$(ZSHDIR)/_givcctl
	install -D -m 644 $(B)/completions/fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/givcctl.fish
	$(call put,644,units/givc.catalog,$(UNITDIR)/catalog)
	$(call put_as,sysusers,$(PREFIX)/lib/sysusers.d)
	$(call put_as,tmpfiles,$(PREFIX)/lib/tmpfiles.d)
	$(call put_as,dbus.conf,$(PREFIX)/share/dbus-1/system.d)
	$(foreach p,$(PAGES),install -D -m 644 $(p) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(p)))/$(notdir $(p)) &&) true

# `make deb`: Debian packages of what is installed, into build/deb/. Theirs is another place for libraries, and for zsh.
DEB_VERSION ?= $(VERSION)
MULTIARCH  = $(shell dpkg-architecture -qDEB_HOST_MULTIARCH)
.PHONY: deb
deb: all
	@command -v dpkg-shlibdeps >/dev/null || { echo 'make deb: dpkg-dev is missing, see make deps' >&2; exit 1; }
	rm -rf $(B)/deb
	umask 022 && $(MAKE) --no-print-directory install DESTDIR=$(abspath $(B)/deb/tree) PREFIX=/usr LIBDIR=/usr/lib/$(MULTIARCH) \
	    ZSHDIR=/usr/share/zsh/vendor-completions
	units/debian/build $(B)/deb $(DEB_VERSION)
