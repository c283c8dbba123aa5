// Package pushtest is a push service on a loopback port, for tests only. It hands out subscriptions, verifies
// VAPID (RFC 8292), decrypts messages (RFC 8291) and keeps them. It can misbehave as real push services do.
package pushtest

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/adapter/webpush"
)

// Answer is how the service treats a push. The zero value is Deliver.
type Answer int

const (
	Deliver  Answer = iota // check everything, keep the message, 201
	Missing                // 404
	Gone                   // 410
	Busy                   // 429 with Retry-After
	Broken                 // 500
	Hang                   // no answer until the caller gives up
	Hold                   // like Deliver, but not before Release
	Redirect               // 307 to RedirectTo
)

// Message is one push that was verified and decrypted.
type Message struct {
	Endpoint  string
	Payload   []byte
	TTL       int // seconds
	Urgency   string
	Topic     string
	PublicKey string // VAPID key of the sender, base64url
	Subject   string // VAPID sub
	Expires   time.Time
	Size      int // bytes on the wire
}

// Service is the push service. Its methods are safe for concurrent use.
type Service struct {
	URL     string         // "http://127.0.0.1:port" or https
	Host    string         // "127.0.0.1:port", for Doorbell.AllowHosts
	RootCAs *x509.CertPool // trusts the https service

	mu         sync.Mutex
	answer     Answer
	retryAfter string
	redirectTo string
	phones     map[string]*phone // by the path of the endpoint
	messages   []Message
	faults     []string
	calls      int
	inside     int                     // requests under way
	most       int                     // the largest value that inside had
	arrived    chan struct{}           // closed at the next delivery
	reached    map[int][]chan struct{} // closed when inside reaches the key
	released   chan struct{}
}

// phone is the subscribed side: what a browser keeps of a subscription.
type phone struct {
	key       *ecdh.PrivateKey
	auth      []byte
	publicKey string // VAPID key that the subscription is bound to; empty: any
	gone      bool
}

// Start runs a service over http on a free port until the test ends.
func Start(t testing.TB) *Service { return start(t, httptest.NewServer) }

// StartTLS does the same over https, with a certificate of RootCAs.
func StartTLS(t testing.TB) *Service { return start(t, httptest.NewTLSServer) }

func start(t testing.TB, serve func(http.Handler) *httptest.Server) *Service {
	t.Helper()
	s := &Service{phones: map[string]*phone{}, retryAfter: "30", arrived: make(chan struct{}), reached: map[int][]chan struct{}{}, released: make(chan struct{})}
	server := serve(s)
	s.URL, s.Host = server.URL, server.Listener.Addr().String()
	if cert := server.Certificate(); cert != nil {
		s.RootCAs = x509.NewCertPool()
		s.RootCAs.AddCert(cert)
	}
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

// Subscribe makes a subscription as a browser does. publicKey is the sender's VAPID key (applicationServerKey).
// A push that is signed with another key is refused. An empty publicKey accepts every key.
func (s *Service) Subscribe(publicKey string) webpush.Subscription {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	auth := make([]byte, 16)
	rand.Read(auth)
	path := "/push/" + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phones[path] = &phone{key: key, auth: auth, publicKey: publicKey}
	return webpush.Subscription{
		Endpoint: s.URL + path,
		P256dh:   base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()),
		Auth:     base64.RawURLEncoding.EncodeToString(auth),
	}
}

// Set changes the answer to the pushes that follow.
func (s *Service) Set(answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// RetryAfter changes the Retry-After header of Busy and Broken, which is "30" at first.
func (s *Service) RetryAfter(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAfter = value
}

// RedirectTo changes where Redirect points.
func (s *Service) RedirectTo(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirectTo = url
}

// Forget makes one subscription answer 410 from now on.
func (s *Service) Forget(sub webpush.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phones[strings.TrimPrefix(sub.Endpoint, s.URL)]; p != nil {
		p.gone = true
	}
}

// Messages returns what was delivered, oldest first.
func (s *Service) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Faults lists the pushes that broke a rule of the RFCs, in words.
func (s *Service) Faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.faults...)
}

// Calls returns how many requests came, delivered or not.
func (s *Service) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Most returns the largest number of requests that were under way at the same time.
func (s *Service) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Inside returns a channel that is closed as soon as n requests are under way at the same time. A test takes it
// before it sends them.
func (s *Service) Inside(n int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	reached := make(chan struct{})
	s.reached[n] = append(s.reached[n], reached)
	return reached
}

// Release ends Hold for every request, those that wait now and those that come later. A test calls it once.
func (s *Service) Release() { close(s.released) }

// enter counts a request in. The caller holds the lock.
func (s *Service) enter() {
	s.inside++
	s.most = max(s.most, s.inside)
	for _, reached := range s.reached[s.inside] {
		close(reached)
	}
	delete(s.reached, s.inside)
}

func (s *Service) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
}

// Arrived returns a channel that is closed at the next delivery. A test takes it before the push is sent.
func (s *Service) Arrived() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// ServeHTTP takes one push (RFC 8030 5).
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.calls++
	s.enter()
	defer s.leave()
	answer, retryAfter, redirectTo, p := s.answer, s.retryAfter, s.redirectTo, s.phones[r.URL.Path]
	gone := p != nil && p.gone
	s.mu.Unlock()
	switch {
	case answer == Hang:
		<-r.Context().Done()
		return
	case answer == Hold:
		select {
		case <-s.released:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case answer == Missing, p == nil:
		w.WriteHeader(http.StatusNotFound)
		return
	case answer == Gone, gone:
		w.WriteHeader(http.StatusGone)
		return
	case answer == Busy:
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case answer == Broken:
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(http.StatusInternalServerError)
		return
	case answer == Redirect:
		http.Redirect(w, r, redirectTo, http.StatusTemporaryRedirect)
		return
	}
	m, status, err := s.open(r, p, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.faults = append(s.faults, err.Error())
		http.Error(w, err.Error(), status)
		return
	}
	s.messages = append(s.messages, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
	w.Header().Set("Location", s.URL+"/message/"+strconv.Itoa(len(s.messages)))
	w.WriteHeader(http.StatusCreated)
}

// open verifies and decrypts one push for p. With an error comes the HTTP status that a push service answers.
func (s *Service) open(r *http.Request, p *phone, body []byte) (Message, int, error) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Encoding") != "aes128gcm" {
		return Message{}, http.StatusBadRequest, fmt.Errorf("%s with content encoding %q", r.Method, r.Header.Get("Content-Encoding"))
	}
	ttl, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || ttl < 0 {
		return Message{}, http.StatusBadRequest, fmt.Errorf("TTL is %q", r.Header.Get("TTL"))
	}
	if len(body) > 4096 {
		return Message{}, http.StatusRequestEntityTooLarge, fmt.Errorf("%d bytes", len(body))
	}
	claims, key, err := verify(r.Header.Get("Authorization"), s.URL, time.Now())
	if err != nil {
		return Message{}, http.StatusUnauthorized, err
	}
	if p.publicKey != "" && p.publicKey != key {
		return Message{}, http.StatusForbidden, fmt.Errorf("the subscription belongs to another VAPID key")
	}
	payload, err := decrypt(p, body)
	if err != nil {
		return Message{}, http.StatusBadRequest, err
	}
	return Message{
		Endpoint: s.URL + r.URL.Path, Payload: payload, TTL: ttl, Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic"),
		PublicKey: key, Subject: claims.Subject, Expires: time.Unix(claims.Expires, 0), Size: len(body),
	}, 0, nil
}
