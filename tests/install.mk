# SPDX-License-Identifier: Apache-2.0
# `make install DESTDIR= PREFIX=`: programs, library, wire contract, units and pages to where systemd and pkg-config look.

LIBDIR    ?= $(PREFIX)/lib
MANDIR    ?= $(PREFIX)/share/man
UNITDIR   ?= $(PREFIX)/lib/systemd
SHELLS    := bash zsh fish
PAGES     := $(patsubst man/%.scd,$(B)/man/%,$(wildcard man/*.scd))
put        = $(foreach f,$(2),install -D -m $(1) $(f) $(DESTDIR)$(3)/$(notdir $(f)) &&) true

$(B)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@
$(B)/givc.pc: src/libgivc/givc.pc.in Makefile tests/install.mk
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' $< > $@
$(B)/completions/%: $(B)/givcctl
	@mkdir -p $(@D)
	$(B)/givcctl --completion=$* > $@
man: $(PAGES)
.PHONY: man
install: all $(PAGES) $(B)/givc.pc $(SHELLS:%=$(B)/completions/%)
	$(call put,755,$(PROGRAMS),$(PREFIX)/bin)
	ln -sf givcctl $(DESTDIR)$(PREFIX)/bin/givc-cli
	install -D -m 755 $(B)/libgivc.so $(DESTDIR)$(LIBDIR)/libgivc.so.0
	ln -sf libgivc.so.0 $(DESTDIR)$(LIBDIR)/libgivc.so
	$(call put,644,$(wildcard src/libgivc/givc/*.h),$(PREFIX)/include/givc)
	$(call put,644,$(B)/givc.pc,$(LIBDIR)/pkgconfig)
	$(call put,644,$(wildcard src/libgivc/examples/*),$(PREFIX)/share/givc/examples)
	cd proto && find . -name '*.proto' -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX)/share/givc/proto)/{} \;
	$(call put,644,$(wildcard units/*.service units/*.socket),$(UNITDIR)/system)
	$(call put,644,$(wildcard units/user/*),$(UNITDIR)/user)
	install -D -m 644 units/givc.rules $(DESTDIR)$(PREFIX)/share/polkit-1/rules.d/givc.rules
	$(call put,644,$(wildcard units/examples/*),$(PREFIX)/share/givc/examples/units)
	sed -i 's|/usr/bin/givc|$(PREFIX)/bin/givc|' $(DESTDIR)$(UNITDIR)/system/givc-*.service \
	    $(DESTDIR)$(UNITDIR)/user/givc-*.service $(DESTDIR)$(PREFIX)/share/polkit-1/rules.d/givc.rules
	install -D -m 644 $(B)/completions/bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/givcctl
	ln -sf givcctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/givc-cli
	install -D -m 644 $(B)/completions/zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_givcctl
	install -D -m 644 $(B)/completions/fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/givcctl.fish
	install -D -m 644 units/givc.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/givc.conf
	install -D -m 644 units/givc.catalog $(DESTDIR)$(UNITDIR)/catalog/givc.catalog
	install -D -m 644 units/givc.dbus.conf $(DESTDIR)$(PREFIX)/share/dbus-1/system.d/givc.conf
	install -D -m 644 units/givc.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/givc.conf
	$(foreach p,$(PAGES),install -D -m 644 $(p) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(p)))/$(notdir $(p)) &&) true
