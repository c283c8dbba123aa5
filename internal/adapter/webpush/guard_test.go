package webpush_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"countersign/internal/adapter/webpush"
	"countersign/internal/adapter/webpush/pushtest"
)

// AC-043: these are refused at registration. PORT stands for the port of a listener on loopback.
var hostileEndpoints = []string{
	// loopback, in every notation
	"https://127.0.0.1/", "https://127.0.0.1:PORT/", "https://127.0.0.2:PORT/", "https://127.255.255.254/", "https://localhost/", "https://localhost:PORT/",
	"https://LOCALHOST:PORT/", "https://localhost./", "https://x.localhost/", "https://[::1]/", "https://[::1]:PORT/", "https://[0:0:0:0:0:0:0:1]:PORT/",
	"https://127.1/", "https://127.1:PORT/", "https://127.0.1/", "https://2130706433/", "https://2130706433:PORT/", "https://0x7f000001/", "https://0x7f.0.0.1/",
	"https://0x7f.1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/", "https://00127.0.0.1/", "https://127.0.0.1./",
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]:PORT/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
	"https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://127%2e0%2e0%2e1/", "https://%31%32%37.0.0.1/", "https://[::1%25lo]/", "https://[fe80::1%25eth0]/",
	// private, link-local, carrier, special
	"https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/",
	"https://100.127.255.254/", "https://0.0.0.0/", "https://0/", "https://0.0.0.0:PORT/", "https://255.255.255.255/", "https://224.0.0.1/", "https://192.0.2.1/", "https://198.18.0.1/",
	"https://[::]/", "https://[::]:PORT/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[fd12::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[fec0::1]/",
	// public addresses without a name
	"https://8.8.8.8/", "https://[2606:4700:4700::1111]/",
	// other schemes, ports and shapes
	"http://fcm.googleapis.com/x", "ftp://fcm.googleapis.com/x", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_x", "javascript:alert(1)", "data:,x", "unix:///run/x.sock",
	"//fcm.googleapis.com/x", "/x", "", "https:", "https://", "https:///x", "https:fcm.googleapis.com/x", "https://fcm.googleapis.com:444/x", "https://fcm.googleapis.com:80/x",
	"https://fcm.googleapis.com:PORT/x", "https://fcm.googleapis.com:/x", "https://fcm.googleapis.com:0443/x", "https://fcm.googleapis.com:99999/x", "https://fcm.googleapis.com:-443/x",
	"https://user@fcm.googleapis.com/x", "https://user:pass@fcm.googleapis.com/x", "https://fcm.googleapis.com@127.0.0.1:PORT/x", "https://fcm.googleapis.com:443@127.0.0.1/x",
	"https://127.0.0.1:PORT#@fcm.googleapis.com/", "https://127.0.0.1:PORT?@fcm.googleapis.com/", `https://127.0.0.1:PORT\@fcm.googleapis.com/`, `https:\\127.0.0.1:PORT\`,
	"https://fcm.googleapis.com/x#frag", "https://fcm.googleapis.com/x#", "https://fcm.googleapis.com/x y", "https://fcm.googleapis.com/x\r\nHost: evil", "https://fcm.googleapis.com/\x00",
	" https://fcm.googleapis.com/x", "https://fcm.googleapis.com/x\n", "https://fcm.googleapis.com%00.evil.test/", "https://fcm.googleapis.com%2f@evil.test/",
	// names that only look like the well-known ones
	"https://evil.test/", "https://fcm.googleapis.com.evil.test/", "https://evilfcm.googleapis.com/", "https://x.fcm.googleapis.com/", "https://googleapis.com/", "https://fcm.googleapis.com./x",
	"https://push.apple.com/x", "https://evilpush.apple.com/", "https://.push.apple.com/", "https://push.apple.com.evil.test/", "https://x.push.apple.com.evil.test/",
	"https://notify.windows.com/", "https://evil-notify.windows.com/", "https://-x.notify.windows.com/", "https://a..notify.windows.com/", "https://*.notify.windows.com/", "https://a_b.push.apple.com/",
	"https://fcm.googleapıs.com/", "https://fcm。googleapis。com/", "https://mfa.example.edu/app/", "https://intranet/", "https://printer.local/", "https://metadata.google.internal/",
	"https://fcm.googleapis.com/" + strings.Repeat("x", 2000),
}

func TestAC043HostileEndpointsAreRefusedAtRegistrationAndAtTheCallWithoutAConnection(t *testing.T) {
	if len(hostileEndpoints) < 60 {
		t.Fatalf("only %d endpoints", len(hostileEndpoints))
	}
	four, on4 := counter(t, "127.0.0.1:0")
	six, on6 := counter(t, "[::1]:0")
	service := pushtest.Start(t)
	keys := service.Subscribe("")
	for _, listener := range []net.Listener{four, six} {
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		for _, pattern := range hostileEndpoints {
			sub := keys
			sub.Endpoint = strings.ReplaceAll(pattern, "PORT", port)
			d := doorbell()
			d.OwnHosts = []string{"mfa.example.edu:8443"}
			d.Resolve = func(context.Context, string) ([]netip.Addr, error) {
				t.Errorf("%q: a name was looked up", sub.Endpoint)
				return nil, errors.New("no")
			}
			if err := d.CheckEndpoint(sub.Endpoint); !errors.Is(err, webpush.ErrEndpoint) {
				t.Errorf("%q registered: %v", sub.Endpoint, err)
			}
			if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrEndpoint) {
				t.Errorf("%q called: %v", sub.Endpoint, err)
			}
		}
	}
	if on4.Load()+on6.Load() != 0 || service.Calls() != 0 {
		t.Errorf("connections: %d, %d, calls %d", on4.Load(), on6.Load(), service.Calls())
	}
}

func TestTheWellKnownPushServicesMayBeRegistered(t *testing.T) {
	d := doorbell()
	for _, endpoint := range []string{
		"https://fcm.googleapis.com/fcm/send/abc:APA91b-x_y", "https://FCM.googleapis.com/x", "https://fcm.googleapis.com:443/x?y=z", "https://updates.push.services.mozilla.com/wpush/v2/gAAA==",
		"https://web.push.apple.com/QABC", "https://api.sandbox.push.apple.com/x", "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%2b%2f",
	} {
		if err := d.CheckEndpoint(endpoint); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// AC-043: a listed name with an internal address is refused when it is dialed, whatever its other addresses are.
func TestAC043NamesThatLeadToInternalAddressesAreRefusedAtTheDial(t *testing.T) {
	service := pushtest.Start(t)
	sub := service.Subscribe("")
	sub.Endpoint = "https://fcm.googleapis.com/fcm/send/x"
	internal := []string{
		"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3",
		"::", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.7", "198.51.100.7", "203.0.113.7",
		"2001:db8::7", "3fff::1", "198.18.0.1", "192.0.0.8", "192.88.99.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "100::1", "::127.0.0.1", "fec0::1", "5f00::1",
	}
	for _, text := range internal {
		for _, found := range [][]string{{text}, {"8.8.8.8", text}, {text, "2606:4700:4700::1111"}} {
			d := doorbell()
			looked := 0
			d.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
				looked++
				var addresses []netip.Addr
				for _, one := range found {
					addresses = append(addresses, netip.MustParseAddr(one))
				}
				return addresses, nil
			}
			if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrEndpoint) || looked != 1 {
				t.Errorf("%v: %v after %d look-ups", found, err, looked)
			}
		}
	}
}

func TestANameThatCannotBeFoundIsUnavailable(t *testing.T) {
	d := doorbell()
	sub := pushtest.Start(t).Subscribe("")
	for name, resolve := range map[string]func(context.Context, string) ([]netip.Addr, error){
		"error": func(context.Context, string) ([]netip.Addr, error) { return nil, fmt.Errorf("no such name") },
		"empty": func(context.Context, string) ([]netip.Addr, error) { return nil, nil },
	} {
		d.Resolve = resolve
		sub.Endpoint = "https://fcm.googleapis.com/secret-path"
		if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrUnavailable) || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnExceptionIsExactlyOneHostAndPort(t *testing.T) {
	d := doorbell()
	d.AllowHosts = []string{"127.0.0.1:4321", "push.example.edu:443"}
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:4321/x": true, "https://127.0.0.1:4321/x": true, "https://push.example.edu/x": true, "https://push.example.edu:443/x": true,
		"http://127.0.0.1:4322/x": false, "http://127.0.0.1/x": false, "http://push.example.edu/x": false, "ws://127.0.0.1:4321/x": false,
		"http://user@127.0.0.1:4321/x": false, "http://127.1:4321/x": false, "http://localhost:4321/x": false, "http://127.0.0.1:4321/x#y": false,
	} {
		if got := d.CheckEndpoint(endpoint) == nil; got != want {
			t.Errorf("%s: %v", endpoint, got)
		}
	}
}
