// Package webpush rings phones through the push services of browser makers: RFC 8030 (delivery),
// RFC 8291 (encryption) and RFC 8292 (VAPID). A push is only a doorbell: it carries no secret and
// no decision, and a sign-in works without it.
//
// The address a push goes to is chosen by whoever registers a phone, so it is treated as hostile:
// see guard.go (AC-043). It is also a capability, so no error of this package contains it.
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
	"strconv"
	"strings"
	"sync"
	"time"

	vapid "github.com/SherClockHolmes/webpush-go"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/flow"
)

const (
	// MaxPayload is the longest payload in bytes; encrypted it fits the 4096 bytes RFC 8030 asks of services.
	MaxPayload = 3 << 10

	connectTimeout = 5 * time.Second
	totalTimeout   = 10 * time.Second
	maxAnswer      = 16 << 10
	maxPerHost     = 8
	maxRetryAfter  = time.Hour
)

var (
	// ErrEndpoint reports an endpoint that may not be called, at registration or at dial.
	ErrEndpoint = errs.New(errs.Invalid, "push.endpoint")
	// ErrSubscription reports keys that are not what RFC 8291 asks for.
	ErrSubscription = errs.New(errs.Invalid, "push.subscription")
	// ErrPayload reports a payload longer than MaxPayload.
	ErrPayload = errs.New(errs.Invalid, "push.payload")
	// ErrGone reports a subscription that no longer exists (404, 410): delete it.
	ErrGone = errs.New(errs.Gone, "push.gone")
	// ErrBusy reports a push service that wants fewer messages (429); see RetryAfter.
	ErrBusy = errs.New(errs.Limited, "push.busy")
	// ErrUnavailable reports everything else that kept the doorbell from ringing.
	ErrUnavailable = errs.New(errs.Unavailable, "push.unavailable")
)

// Subscription is what PushSubscription.toJSON gives in the browser: the endpoint is a capability
// URL, P256dh the phone's uncompressed P-256 point (65 bytes) and Auth 16 bytes, both base64url.
type Subscription = flow.Subscription

var _ flow.Doorbell = (*Doorbell)(nil)

// Doorbell sends pushes. Fill in the fields, then use it through a pointer; it is safe for
// concurrent use as long as the fields are not changed.
type Doorbell struct {
	Subject    string      // who to complain to: "mailto:help@example.edu", "help@example.edu" or an https URL
	PublicKey  string      // VAPID key as GenerateVAPID gives it; the browser gets it as applicationServerKey
	PrivateKey secret.Text // its private half

	// AllowHosts are exceptions "host:port" from every rule about addresses, plain http included:
	// push services of one's own, tests, the demo.
	AllowHosts []string
	// AnyHost drops the list of well-known push services. All other rules stay.
	AnyHost bool
	// OwnHosts are the names this server is reached by; never called.
	OwnHosts []string
	// RootCAs are trusted instead of the system's when set.
	RootCAs *x509.CertPool
	// Resolve finds the addresses of a name; nil is the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Now is used to read Retry-After dates; nil leaves those out.
	Now func() time.Time

	once   sync.Once
	client *http.Client
	queues queues
}

// GenerateVAPID makes a key pair of the server's own (P-256, base64url without padding). rand must
// not fail; it panics when it does. Both keys are kept for the life of the installation: a new
// pair makes every subscription useless.
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

// Check says whether s may be registered: ErrEndpoint or ErrSubscription when not. It makes no
// connection and looks up no name.
func (d *Doorbell) Check(s Subscription) error {
	if err := d.CheckEndpoint(s.Endpoint); err != nil {
		return err
	}
	_, err := keys(s)
	return err
}

// Knock sends payload to one phone. ttl is how long the push service may keep it for a phone that
// is offline. Errors: ErrEndpoint, ErrSubscription, ErrPayload, ErrGone, ErrBusy, ErrUnavailable.
// It returns within ten seconds.
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
	return d.verdict(answer, said)
}

func (d *Doorbell) verdict(answer *http.Response, said []byte) error {
	cause := fmt.Errorf("the push service answered %d: %.200q", answer.StatusCode, said)
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return ErrGone.With(cause)
	case code == http.StatusTooManyRequests:
		return ErrBusy.With(cause).Arg("retry_after", d.retryAfter(answer.Header.Get("Retry-After")))
	default:
		return ErrUnavailable.With(cause).Arg("retry_after", d.retryAfter(answer.Header.Get("Retry-After")))
	}
}

// RetryAfter is how long the push service asked to be left alone, at most an hour; zero when it
// did not say.
func RetryAfter(err error) time.Duration {
	if err == nil {
		return 0
	}
	wait, _ := errs.Of(err).Args["retry_after"].(time.Duration)
	return wait
}

// retryAfter reads both forms of the header (RFC 9110, 10.2.3).
func (d *Doorbell) retryAfter(value string) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil && d.Now != nil {
		wait = at.Sub(d.Now())
	}
	return min(max(0, wait), maxRetryAfter)
}

// transportError keeps what went wrong and drops the URL it went wrong with.
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

// canonical leaves out a port 443 that is written down: the library makes the VAPID audience from
// the text, and push services compare it with their origin (RFC 8292, 2).
func canonical(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Port() != "443" {
		return endpoint
	}
	u.Host = strings.TrimSuffix(u.Host, ":443")
	return u.String()
}

// keys decodes the subscription's keys, whatever base64 dialect the browser used, and checks that
// the point is on the curve (RFC 8291, 3.1).
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
