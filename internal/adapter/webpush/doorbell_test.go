package webpush_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/adapter/webpush"
	"countersign/internal/adapter/webpush/pushtest"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
)

func doorbell(services ...*pushtest.Service) *webpush.Doorbell {
	public, private := webpush.GenerateVAPID(rand.Reader)
	d := &webpush.Doorbell{Subject: "mailto:help@example.edu", PublicKey: public, PrivateKey: secret.NewText(private)}
	for _, s := range services {
		d.AllowHosts = append(d.AllowHosts, s.Host)
		if s.RootCAs != nil {
			d.RootCAs = s.RootCAs
		}
	}
	return d
}

func TestAKnockArrivesEncryptedSignedAndShort(t *testing.T) {
	for name, service := range map[string]*pushtest.Service{"http": pushtest.Start(t), "https": pushtest.StartTLS(t)} {
		d := doorbell(service)
		sub := service.Subscribe(d.PublicKey)
		if err := d.Check(sub); err != nil {
			t.Fatal(err)
		}
		payload := []byte(`{"ring":"x"}`)
		if err := d.Knock(t.Context(), sub, payload, time.Minute); err != nil {
			t.Fatalf("%s: %v, faults %v", name, err, service.Faults())
		}
		got := service.Messages()
		if len(got) != 1 || !bytes.Equal(got[0].Payload, payload) || got[0].TTL != 60 || got[0].Urgency != "high" {
			t.Fatalf("%s: %+v", name, got)
		}
		if got[0].Subject != "mailto:help@example.edu" || got[0].PublicKey != d.PublicKey || got[0].Endpoint != sub.Endpoint || got[0].Size > 4096 {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
}

func TestThePayloadMayBeThreeKilobytesAndNoMore(t *testing.T) {
	service := pushtest.Start(t)
	d := doorbell(service)
	sub := service.Subscribe(d.PublicKey)
	full := bytes.Repeat([]byte("x"), webpush.MaxPayload)
	if err := d.Knock(t.Context(), sub, full, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Knock(t.Context(), sub, append(full, 'x'), 0); !errors.Is(err, webpush.ErrPayload) {
		t.Error(err)
	}
	if got := service.Messages(); len(got) != 1 || !bytes.Equal(got[0].Payload, full) {
		t.Errorf("%d messages", len(got))
	}
}

func TestEveryAnswerOfAPushServiceHasItsMeaning(t *testing.T) {
	service := pushtest.Start(t)
	d := doorbell(service)

	sub := service.Subscribe(d.PublicKey)
	for _, c := range []struct {
		answer pushtest.Answer
		header string
		want   error
	}{
		{pushtest.Missing, "", webpush.ErrGone},
		{pushtest.Gone, "", webpush.ErrGone},
		{pushtest.Busy, "30", webpush.ErrBusy},
		{pushtest.Busy, "Wed, 01 Jan 2031 00:02:00 GMT", webpush.ErrBusy},
		{pushtest.Busy, "4000000000", webpush.ErrBusy},
		{pushtest.Busy, "-5", webpush.ErrBusy},
		{pushtest.Busy, "soon", webpush.ErrBusy},
		{pushtest.Broken, "7", webpush.ErrUnavailable},
	} {
		service.Set(c.answer)
		service.RetryAfter(c.header)
		err := d.Knock(t.Context(), sub, []byte("x"), time.Minute)
		if !errors.Is(err, c.want) {
			t.Errorf("%v %q: %v", c.answer, c.header, err)
		}
		if strings.Contains(err.Error(), "/push/") {
			t.Errorf("the error shows the capability: %v", err)
		}
	}
	service.Set(pushtest.Deliver)
	service.Forget(sub)
	if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrGone) {
		t.Error(err)
	}
	if err := d.Knock(t.Context(), service.Subscribe("another key"), nil, 0); !errors.Is(err, webpush.ErrUnavailable) {
		t.Error(err)
	}
}

func TestAServiceThatHangsOrIsDownIsUnavailable(t *testing.T) {
	service := pushtest.Start(t)
	d := doorbell(service)
	sub := service.Subscribe(d.PublicKey)
	service.Set(pushtest.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := d.Knock(ctx, sub, nil, 0)
	if !errors.Is(err, webpush.ErrUnavailable) || strings.Contains(err.Error(), "/push/") {
		t.Error(err)
	}
	listener, _ := counter(t, "127.0.0.1:0")
	address := listener.Addr().String()
	listener.Close()
	d.AllowHosts = append(d.AllowHosts, address)
	sub.Endpoint = "http://" + address + "/push/x"
	if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrUnavailable) || strings.Contains(err.Error(), "/push/") {
		t.Error(err)
	}
}

func TestARedirectIsNotFollowedAndAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	listener, connections := counter(t, "127.0.0.1:0")
	t.Setenv("HTTP_PROXY", "http://"+listener.Addr().String())
	t.Setenv("HTTPS_PROXY", "http://"+listener.Addr().String())
	t.Setenv("ALL_PROXY", "http://"+listener.Addr().String())
	service := pushtest.StartTLS(t)
	d := doorbell(service)
	service.Set(pushtest.Redirect)
	for _, to := range []string{"http://" + listener.Addr().String() + "/", service.URL + "/push/other"} {
		service.RedirectTo(to)
		if err := d.Knock(t.Context(), service.Subscribe(""), nil, 0); !errors.Is(err, webpush.ErrUnavailable) {
			t.Error(err)
		}
	}
	if connections.Load() != 0 || service.Calls() != 2 {
		t.Errorf("%d connections, %d calls", connections.Load(), service.Calls())
	}
}

// counter is a listener on an internal address that must not be reached. It counts the connections it gets.
func counter(t *testing.T, address string) (net.Listener, *atomic.Int64) {
	t.Helper()
	var connections atomic.Int64
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	return listener, &connections
}

func TestKeysThatAreNotWhatBrowsersGiveAreRefused(t *testing.T) {
	service := pushtest.Start(t)
	d := doorbell(service)
	good := service.Subscribe("")
	offCurve, err := base64.RawURLEncoding.DecodeString(good.P256dh)
	if err != nil {
		t.Fatal(err)
	}
	offCurve[64] ^= 1
	for name, spoil := range map[string]func(*webpush.Subscription){
		"no point":    func(s *webpush.Subscription) { s.P256dh = "" },
		"short point": func(s *webpush.Subscription) { s.P256dh = s.P256dh[:80] },
		"off curve":   func(s *webpush.Subscription) { s.P256dh = base64.RawURLEncoding.EncodeToString(offCurve) },
		"zero point":  func(s *webpush.Subscription) { s.P256dh = base64.RawURLEncoding.EncodeToString(make([]byte, 65)) },
		"huge point":  func(s *webpush.Subscription) { s.P256dh = strings.Repeat("A", 1<<20) },
		"no auth":     func(s *webpush.Subscription) { s.Auth = "" },
		"long auth":   func(s *webpush.Subscription) { s.Auth += "AAAA" },
		"not base64":  func(s *webpush.Subscription) { s.Auth = "!!!!!!!!!!!!!!!!!!!!!!" },
	} {
		sub := good
		spoil(&sub)
		if err := d.Check(sub); !errors.Is(err, webpush.ErrSubscription) {
			t.Errorf("%s registered: %v", name, err)
		}
		if err := d.Knock(t.Context(), sub, nil, 0); !errors.Is(err, webpush.ErrSubscription) {
			t.Errorf("%s called: %v", name, err)
		}
	}
	if service.Calls() != 0 {
		t.Errorf("%d calls", service.Calls())
	}
	padded := good
	raw, _ := base64.RawURLEncoding.DecodeString(good.Auth)
	padded.Auth = base64.StdEncoding.EncodeToString(raw)
	if err := d.Knock(t.Context(), padded, nil, 0); err != nil {
		t.Errorf("padded standard base64: %v", err)
	}
}

func TestVAPIDKeysAreDistinctAndReproducibleFromTheirRandomness(t *testing.T) {
	a, _ := webpush.GenerateVAPID(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	b, private := webpush.GenerateVAPID(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	c, _ := webpush.GenerateVAPID(rand.Reader)
	if a != b || a == c || len(a) != 87 || len(private) != 43 {
		t.Errorf("%q %q %q", a, b, c)
	}
}

// busy starts n pushes to one host and returns when the service holds eight of them, until Release. all waits
// for the results of all n.
func busy(t *testing.T, n int) (d *webpush.Doorbell, service *pushtest.Service, all func()) {
	service = pushtest.Start(t)
	d = doorbell(service)
	service.Set(pushtest.Hold)
	full := service.Inside(8)
	results := make(chan error)
	for range n {
		go func() { results <- d.Knock(t.Context(), service.Subscribe(""), nil, 0) }()
	}
	<-full
	return d, service, func() {
		for range n {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNoMoreThanEightPushesGoToOneHostAtOnce(t *testing.T) {
	_, service, all := busy(t, 20)
	service.Release()
	all()
	if service.Most() != 8 || service.Calls() != 20 {
		t.Errorf("%d at once, %d in all", service.Most(), service.Calls())
	}
}

func TestAPushThatWaitsForItsTurnLeavesWhenItsTimeIsOver(t *testing.T) {
	d, service, all := busy(t, 8)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Knock(ctx, service.Subscribe(""), nil, 0); errs.KindOf(err) != errs.Unavailable {
		t.Error(err)
	}
	service.Release()
	all()
	if service.Calls() != 8 {
		t.Errorf("%d calls", service.Calls())
	}
}
