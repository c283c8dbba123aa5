package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"

	"countersign/internal/adapter/mail/mailtest"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"

	ours "countersign/internal/adapter/mail"
)

func sender(s *mailtest.Server) *ours.Sender {
	return &ours.Sender{Host: s.Host, Port: s.Port, TLS: "none", RootCAs: s.RootCAs, Timeout: 30 * time.Second, HELO: "mfa.example.edu"}
}

func letter() ours.Message {
	return ours.Message{
		ID: "out-17", From: "countersign <noreply@example.edu>", To: "jo@example.edu",
		Subject: "A new phone was added — Zoë", Text: "Hello\nsecond line\n", HTML: "<p>Hello &lt;b&gt;</p>",
	}
}

func TestAMessageArrivesWithBothTextsAndHeadersThatKeepRobotsQuiet(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	at := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	s := sender(server)
	s.Now = func() time.Time { return at }
	if err := s.Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	got := server.Messages()
	if len(got) != 1 || got[0].From != "noreply@example.edu" || len(got[0].To) != 1 || got[0].To[0] != "jo@example.edu" {
		t.Fatalf("envelope: %+v", got)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(got[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter().Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Message-ID": "<out-17@example.edu>", "User-Agent": "", "X-Mailer": "",
		"To": "<jo@example.edu>", "Bcc": "", "Cc": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(at) {
		t.Errorf("date %v, %v", date, err)
	}
	texts := parts(t, m)
	if strings.ReplaceAll(texts["text/plain"], "\r\n", "\n") != letter().Text || texts["text/html"] != letter().HTML {
		t.Errorf("bodies: %q", texts)
	}
}

func parts(t *testing.T, m *netmail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	texts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		texts[kind] = string(body)
	}
}

// AC-051: whatever an address contains, at most one mail to one address is sent.
func TestAC051HostileRecipientsAreRefusedBeforeAnyConnection(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	for _, to := range hostileRecipients {
		m := letter()
		m.To = to
		if err := sender(server).Send(t.Context(), m); !errors.Is(err, ours.ErrAddress) {
			t.Errorf("%q: %v", to, err)
		}
		if err := new(ours.Inbox).Send(t.Context(), m); !errors.Is(err, ours.ErrAddress) {
			t.Errorf("inbox took %q: %v", to, err)
		}
	}
	if server.Dials() != 0 {
		t.Errorf("%d connections", server.Dials())
	}
}

var hostileRecipients = []string{
	"", " ", "@", "jo", "jo@", "@example.edu", "jo@@example.edu", "jo@example..edu", ".jo@example.edu", "jo.@example.edu",
	"jo@example.edu\r\nBcc: eve@evil.test", "jo@example.edu\nBcc: eve@evil.test", "jo@example.edu\r", "jo@example.edu\n", "\njo@example.edu",
	"jo@example.edu\x00", "jo\x00@example.edu", "jo@example.edu\u2028Bcc: eve@evil.test", "jo@example.edu\u2029", "jo\u0085@example.edu",
	"jo@example.edu, eve@evil.test", "jo@example.edu,eve@evil.test", "jo@example.edu;eve@evil.test", "jo@example.edu eve@evil.test",
	"jo@example.edu> <eve@evil.test", "<jo@example.edu>", "Jo <jo@example.edu>", `"jo@example.edu" <eve@evil.test>`, "jo@example.edu <eve@evil.test>",
	"jo@example.edu (eve@evil.test)", "(jo)jo@example.edu", "jo@(x)example.edu", `"jo"@example.edu`, `"jo eve"@example.edu`, `"jo\r\nBcc: e"@example.edu`,
	"group: jo@example.edu, eve@evil.test;", "undisclosed-recipients:;", "@relay.test:jo@example.edu", "jo%evil.test@example.edu", "evil.test!jo@example.edu",
	"jo%0d%0aBcc:eve@evil.test", "jo%0aBcc%3aeve@example.edu", "jo@[127.0.0.1]", "jo@[IPv6:::1]", "jo@-example.edu", "jo@example-.edu", "jo@exa_mple.edu",
	"jo@example.edu.", "jo@exam ple.edu", " jo@example.edu", "jo@example.edu ", "\tjo@example.edu", "jo@example.edu SIZE=1", "jo@example.edu> RCPT TO:<eve@evil.test",
	"=?utf-8?q?jo?=@example.edu\r\n", "=?utf-8?q?a=0d=0a?= <jo@example.edu>", "jö@example.edu", "jo\u202e@example.edu", "jo@exam\u200eple.edu", "jo@example.edu\xff",
	strings.Repeat("a", 65) + "@example.edu", "jo@" + strings.Repeat("a", 64) + ".edu", "jo@" + strings.Repeat("abc.", 70) + "edu",
	"mailto:jo@example.edu", "jo@example.edu?cc=eve@evil.test", "jo@example.edu/../eve", "jo@example.edu\vBcc:x", "jo@example.edu\fBcc:x",
}

func TestOrdinaryAddressesAreAcceptedAndInternationalDomainsBecomeASCII(t *testing.T) {
	for in, want := range map[string]string{
		"jo@example.edu": "jo@example.edu", "jo.o'neil+mfa@sub.example.edu": "jo.o'neil+mfa@sub.example.edu",
		"JO@example.edu": "JO@example.edu", "jo@localhost": "jo@localhost", "jo@bücher.example": "jo@xn--bcher-kva.example",
	} {
		if got, err := ours.Address(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

// AC-051: a subject, sender, id or body cannot add a header.
func TestAC051NoFieldAddsAHeader(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	for name, spoil := range map[string]func(*ours.Message){
		"subject CRLF":   func(m *ours.Message) { m.Subject = "Hi\r\nBcc: eve@evil.test" },
		"subject LF":     func(m *ours.Message) { m.Subject = "Hi\nBcc: eve@evil.test" },
		"subject U+2028": func(m *ours.Message) { m.Subject = "Hi\u2028Bcc: eve@evil.test" },
		"subject empty":  func(m *ours.Message) { m.Subject = "" },
		"from CRLF":      func(m *ours.Message) { m.From = "x <a@example.edu>\r\nBcc: eve@evil.test" },
		"from list":      func(m *ours.Message) { m.From = "a@example.edu, b@example.edu" },
		"id":             func(m *ours.Message) { m.ID = "a>\r\nBcc: eve@evil.test" },
		"no text":        func(m *ours.Message) { m.Text = "" },
	} {
		m := letter()
		spoil(&m)
		want := error(ours.ErrContent)
		if strings.HasPrefix(name, "from") {
			want = ours.ErrSettings
		}
		if err := sender(server).Send(t.Context(), m); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if server.Dials() != 0 {
		t.Errorf("%d connections", server.Dials())
	}
	m := letter()
	m.Subject = "=?utf-8?q?x=0d=0aBcc:_eve@evil.test?= %0d%0aBcc: eve@evil.test <b>"
	m.From = `"Bcc: eve@evil.test" <noreply@example.edu>`
	m.Text = "Bcc: eve@evil.test\r\n.\r\nMAIL FROM:<eve@evil.test>\n.\nQUIT\r\n\r\n--boundary\r\n"
	if err := sender(server).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Messages()
	if len(got) != 1 || len(got[0].To) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	read, err := netmail.ReadMessage(bytes.NewReader(got[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	second, err := mail.EMLToMsgFromReader(bytes.NewReader(got[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	if read.Header.Get("Bcc") != "" || len(second.GetBcc()) != 0 || len(second.GetTo()) != 1 || len(read.Header["To"]) != 1 {
		t.Errorf("headers: %v", read.Header)
	}
}

func TestAServerThatIsDownOrSaysLaterIsUnavailableAndRecovers(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	s := sender(server)
	server.Down()
	wantUnavailable(t, s.Send(t.Context(), letter()))
	server.Up(t)
	server.Set(mailtest.RefuseForNow)
	wantUnavailable(t, s.Send(t.Context(), letter()))
	server.Set(mailtest.DropAfterData)
	wantUnavailable(t, s.Send(t.Context(), letter()))
	if len(server.Dropped()) != 1 || len(server.Messages()) != 0 {
		t.Errorf("dropped %d, kept %d", len(server.Dropped()), len(server.Messages()))
	}
	server.Set(mailtest.Normal)
	arrived := server.Arrived()
	if err := s.Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	<-arrived
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ours.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if err != nil && strings.Contains(err.Error(), "jo@example.edu") {
		t.Errorf("the error names the person: %v", err)
	}
}

func TestARefusedRecipientIsToldFromATroubledServerWithoutNamingThePerson(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	server.Set(mailtest.RefuseRecipient)
	err := sender(server).Send(t.Context(), letter())
	if !errors.Is(err, ours.ErrRefused) {
		t.Fatal(err)
	}
	if strings.Contains(err.Error(), "jo@example.edu") || !strings.Contains(err.Error(), "550") {
		t.Errorf("cause: %v", err)
	}
}

func TestATarpitHoldsASenderNoLongerThanItsTimeout(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	server.Set(mailtest.Tarpit)
	s := sender(server)
	s.Timeout = 200 * time.Millisecond
	began := time.Now()
	wantUnavailable(t, s.Send(t.Context(), letter()))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("held for %v", took)
	}
}

func TestAServerThatNeverStopsGreetingIsCutOff(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					if _, err := conn.Write([]byte("220-" + strings.Repeat("x", 900) + "\r\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	s := &ours.Sender{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: "none", Timeout: 2 * time.Minute}
	began := time.Now()
	wantUnavailable(t, s.Send(t.Context(), letter()))
	if took := time.Since(began); took > time.Minute {
		t.Errorf("listened for %v", took)
	}
}

func TestACancelledContextEndsADelivery(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	server.Set(mailtest.Tarpit)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender(server).Send(ctx, letter()) }()
	cancel()
	wantUnavailable(t, <-done)
}

func TestSTARTTLSAndImplicitTLSWorkWithAPrivateCAAndASignIn(t *testing.T) {
	for _, mode := range []string{"starttls", "implicit", "opportunistic"} {
		offered := mode
		if mode == "opportunistic" {
			offered = "starttls"
		}
		server := mailtest.Start(t, mailtest.Options{TLS: offered, Username: "mfa", Password: "hunter2"})
		s := sender(server)
		s.TLS, s.Username, s.Password = mode, "mfa", secret.NewText("hunter2")
		if err := s.Send(t.Context(), letter()); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if got := server.Messages(); len(got) != 1 || !got[0].Encrypted {
			t.Errorf("%s: %d messages, encrypted %v", mode, len(got), len(got) == 1 && got[0].Encrypted)
		}
		s.RootCAs = nil
		wantUnavailable(t, s.Send(t.Context(), letter()))
		s.RootCAs, s.Password = server.RootCAs, secret.NewText("wrong-password")
		err := s.Send(t.Context(), letter())
		wantUnavailable(t, err)
		if strings.Contains(err.Error(), "wrong-password") {
			t.Errorf("%s: the error shows the password", mode)
		}
	}
}

func TestSTARTTLSIsNotGivenUpWhenTheServerDoesNotOfferIt(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	s := sender(server)
	s.TLS = "starttls"
	wantUnavailable(t, s.Send(t.Context(), letter()))
	s.TLS = "opportunistic"
	if err := s.Send(t.Context(), letter()); err != nil {
		t.Error(err)
	}
	s.TLS = "starttsl"
	if err := s.Send(t.Context(), letter()); errs.KindOf(err) != errs.Internal {
		t.Error(err)
	}
}

func TestAnInboxKeepsTheNewestFirstUnderConcurrency(t *testing.T) {
	inbox := &ours.Inbox{}
	done := make(chan error)
	for range 20 {
		go func() { done <- inbox.Send(t.Context(), letter()) }()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	got := inbox.Messages()
	if len(got) != 20 || got[0].Number != 20 || got[19].Number != 1 {
		t.Errorf("%d kept, first %d", len(got), got[0].Number)
	}
	inbox.Clear()
	if len(inbox.Messages()) != 0 {
		t.Error("not cleared")
	}
}
