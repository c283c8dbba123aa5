// Package webpush sends alerts to phones through the push services of browser makers: RFC 8030 (delivery),
// RFC 8291 (encryption) and RFC 8292 (VAPID). An alert only draws attention. It carries no secret and no
// decision, and a sign-in works without it.
//
// Whoever registers a phone chooses the address that its alerts go to, so the address is treated as hostile:
// see guard.go (AC-043). The address is also a capability, so no error of this package contains it.
package webpush

import (
	"context"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	vapid "github.com/SherClockHolmes/webpush-go"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/flow"
)

const (
	// MaxPayload is the longest payload in bytes. Encrypted, it fits into the 4,096 bytes that every push service
	// must accept (RFC 8030).
	MaxPayload = 3 << 10

	connectTimeout = 5 * time.Second
	totalTimeout   = 10 * time.Second
	maxAnswer      = 16 << 10 // bytes read of an answer
	maxPerHost     = 8        // requests to one push service at the same time
)

var (
	// ErrEndpoint reports an endpoint that may not be called. It comes from registration and from dialing.
	ErrEndpoint = errs.New(errs.Invalid, "push.endpoint")
	// ErrSubscription reports keys that RFC 8291 does not allow.
	ErrSubscription = errs.New(errs.Invalid, "push.subscription")
	// ErrPayload reports a payload longer than MaxPayload.
	ErrPayload = errs.New(errs.Invalid, "push.payload")
	// ErrGone reports a subscription that no longer exists (404, 410): delete it.
	ErrGone = errs.New(errs.Gone, "push.gone")
	// ErrBusy reports a push service that asks for fewer messages (429).
	ErrBusy = errs.New(errs.Limited, "push.busy")
	// ErrUnavailable reports every other failure.
	ErrUnavailable = errs.New(errs.Unavailable, "push.unavailable")
)

// Subscription is what PushSubscription.toJSON returns in the browser (W3C Push API). Endpoint is a capability
// URL. P256dh is the phone's uncompressed P-256 point (65 bytes) and Auth has 16 bytes; both are base64url.
type Subscription = flow.Subscription

var _ flow.Doorbell = (*Doorbell)(nil)

// Doorbell implements flow.Doorbell. The caller fills in the fields and uses it through a pointer. It is safe
// for concurrent use as long as the fields are not changed.
type Doorbell struct {
	Subject    string      // contact for the push service: "mailto:help@example.edu", "help@example.edu" or an https URL
	PublicKey  string      // VAPID key as GenerateVAPID makes it; the browser gets it as applicationServerKey
	PrivateKey secret.Text // its private half

	// AllowHosts are exceptions "host:port" from every rule about addresses; plain http is allowed for them too.
	// They serve tests, the demo and installations with a push service of their own.
	AllowHosts []string
	// OwnHosts are the names of this server. They are never called.
	OwnHosts []string
	// RootCAs are trusted instead of the system's when set.
	RootCAs *x509.CertPool
	// Resolve finds the addresses of a name; nil is the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	once   sync.Once
	client *http.Client
	queues queues
}

// GenerateVAPID makes a key pair for the server (P-256, base64url without padding): the uncompressed point and
// the scalar. It panics when rand fails. Both keys must be kept as long as the installation lives, because a
// subscription works with one pair only.
func GenerateVAPID(rand io.Reader) (public, private string) {
	for {
		scalar := make([]byte, 32)
		if _, err := io.ReadFull(rand, scalar); err != nil {
			panic(err)
		}
		key, err := ecdh.P256().NewPrivateKey(scalar)
		if err != nil {
			continue // zero or beyond the order: about one in 2^32
		}
		return base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), base64.RawURLEncoding.EncodeToString(scalar)
	}
}

// Check returns nil when s may be registered, and ErrEndpoint or ErrSubscription when not. It makes no
// connection and looks up no name.
func (d *Doorbell) Check(s Subscription) error {
	if err := d.CheckEndpoint(s.Endpoint); err != nil {
		return err
	}
	_, err := keys(s)
	return err
}

// Knock implements flow.Doorbell: it sends payload to one phone. ttl is how long the push service may keep the
// message for a phone that is offline; fractions of a second are dropped. The error is ErrEndpoint,
// ErrSubscription, ErrPayload, ErrGone, ErrBusy or ErrUnavailable. Knock returns within ten seconds.
func (d *Doorbell) Knock(ctx context.Context, s Subscription, payload []byte, ttl time.Duration) error {
	if err := d.CheckEndpoint(s.Endpoint); err != nil {
		return err
	}
	known, err := keys(s)
	if err != nil {
		return err
	}
	if len(payload) > MaxPayload {
		return ErrPayload
	}
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	leave, err := d.queues.enter(ctx, hostOf(s.Endpoint))
	if err != nil {
		return ErrUnavailable.With(errors.New("too many pushes under way to this service"))
	}
	defer leave()

	answer, err := vapid.SendNotificationWithContext(ctx, payload,
		&vapid.Subscription{Endpoint: canonical(s.Endpoint), Keys: known},
		&vapid.Options{
			HTTPClient:      d.httpClient(),
			Subscriber:      strings.TrimPrefix(d.Subject, "mailto:"), // the library puts it back
			VAPIDPublicKey:  d.PublicKey,
			VAPIDPrivateKey: d.PrivateKey.Reveal(),
			TTL:             max(0, int(ttl/time.Second)),
			Urgency:         vapid.UrgencyHigh,
		})
	if err != nil {
		return transportError(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return verdict(answer, said)
}

// verdict turns the answer of a push service into one of the errors (RFC 8030 5 and 7.3). said is the start of
// its body, for the log.
func verdict(answer *http.Response, said []byte) error {
	cause := fmt.Errorf("the push service answered %d: %.200q", answer.StatusCode, said)
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return ErrGone.With(cause)
	case code == http.StatusTooManyRequests:
		return ErrBusy.With(cause)
	default:
		return ErrUnavailable.With(cause)
	}
}

// transportError keeps what went wrong and drops the URL, which is a capability.
func transportError(err error) error {
	if errors.Is(err, ErrEndpoint) {
		return ErrEndpoint.With(errors.New("the name leads to an address that may not be called"))
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return ErrUnavailable.With(err)
}

// canonical removes an explicit port 443. The library copies the VAPID audience from the text of the endpoint,
// and push services compare it with their origin, which has no port (RFC 8292 2).
func canonical(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Port() != "443" {
		return endpoint
	}
	u.Host = strings.TrimSuffix(u.Host, ":443")
	return u.String()
}

// keys decodes the keys of a subscription, from any dialect of base64 that a browser uses, and checks that the
// point is on the curve (RFC 8291 3.1).
func keys(s Subscription) (vapid.Keys, error) {
	point, err := decode(s.P256dh, 65)
	if err != nil {
		return vapid.Keys{}, ErrSubscription.With(err)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return vapid.Keys{}, ErrSubscription.With(errors.New("p256dh is not a point of P-256"))
	}
	auth, err := decode(s.Auth, 16)
	if err != nil {
		return vapid.Keys{}, ErrSubscription.With(err)
	}
	return vapid.Keys{P256dh: base64.RawURLEncoding.EncodeToString(point), Auth: base64.RawURLEncoding.EncodeToString(auth)}, nil
}

// decode reads exactly size bytes of base64 or base64url, with or without padding.
func decode(text string, size int) ([]byte, error) {
	if len(text) > 2*size {
		return nil, errors.New("key too long")
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("key is not %d bytes of base64url", size)
	}
	return raw, nil
}
