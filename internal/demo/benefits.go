package demo

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // Web SDK v2 signs with it
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/internal/site/web"
)

// benefits is the second sample application. It uses Web SDK v2, which shows the prompt in a frame of the
// application's page. It signs the request and checks the answer as the published clients of that SDK do, and
// frame-client.js does what their script does. The frame is at the demo's plain address, where browsers need no
// certificate.
type benefits struct {
	App    Application
	Origin string // of the frame: the demo's pages
	People func() []Person
	Assets *web.Assets
	Now    func() time.Time
	Log    *slog.Logger

	mu   sync.Mutex
	used map[string]time.Time // answers that were accepted, and when: each is accepted once
}

var benefitsLayout = template.Must(template.ParseFS(files, "benefits.html", "samples.html"))

// benefitsPage is everything this application can show.
type benefitsPage struct {
	Style, Script, Title, Error string
	Username                    string
	People                      []Person
	Origin, Request             string // of the frame
	Person                      string // signed in
}

// App, At and Hint are what samples.html shows: the application's name, its address, and what it is.
func (benefitsPage) App() string { return "Benefits" }
func (benefitsPage) At() string  { return "/sample/frame/" }
func (benefitsPage) Hint() string {
	return "This is a sample application that shows the sign-in in a frame of its own page."
}

func (b *benefits) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sample/frame/{$}", b.show)
	mux.HandleFunc("POST /sample/frame/login", b.login)
	mux.HandleFunc("POST /sample/frame/answer", b.answer)
}

func (b *benefits) show(w http.ResponseWriter, _ *http.Request) {
	b.write(w, http.StatusOK, benefitsPage{Title: "Sign in", People: b.People()})
}

// login checks the password, then shows the frame.
func (b *benefits) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, web.FormLimit)
	username := strings.TrimSpace(r.PostFormValue("username"))
	known := false
	for _, p := range b.People() {
		known = known || strings.EqualFold(p.Username, username) && r.PostFormValue("password") == p.Password
	}
	if !known {
		b.write(w, http.StatusForbidden, benefitsPage{Title: "Sign in", Error: "Wrong name or password.", Username: username, People: b.People()})
		return
	}
	tx := b.sign(b.App.ClientSecret, "TX", username, 5*time.Minute)
	mine := b.sign(b.App.AKEY, "APP", username, time.Hour)
	b.write(w, http.StatusOK, benefitsPage{Title: "One more step", Origin: b.Origin, Request: tx + ":" + mine})
}

// answer checks the signed answer of the frame and signs the person in. It accepts an answer once.
func (b *benefits) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, web.FormLimit)
	theirs, mine, _ := strings.Cut(r.PostFormValue("sig_response"), ":")
	person, ok := b.verify(b.App.ClientSecret, "AUTH", theirs)
	same, also := b.verify(b.App.AKEY, "APP", mine)
	if !ok || !also || person != same || !b.first(theirs) {
		b.write(w, http.StatusForbidden, benefitsPage{Title: "Not signed in", Error: "You were not signed in.", People: b.People()})
		return
	}
	b.write(w, http.StatusOK, benefitsPage{Title: "Your benefits", Person: person})
}

// first reports whether an answer comes for the first time. It forgets answers after an hour, when they have expired.
func (b *benefits) first(answer string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		b.used = map[string]time.Time{}
	}
	for old, at := range b.used {
		if b.Now().Sub(at) > time.Hour {
			delete(b.used, old)
		}
	}
	if _, again := b.used[answer]; again {
		return false
	}
	b.used[answer] = b.Now()
	return true
}

// sign writes PREFIX|base64(user|key|expiry)|HMAC, the signed value of Web SDK v2. key is the secret key for TX and the
// application's own key for APP; expiry is in unix seconds.
func (b *benefits) sign(key, prefix, username string, life time.Duration) string {
	plain := username + "|" + b.App.ClientID + "|" + strconv.FormatInt(b.Now().Add(life).Unix(), 10)
	cookie := prefix + "|" + base64.StdEncoding.EncodeToString([]byte(plain))
	return cookie + "|" + mac(key, cookie)
}

// verify reads a value that sign or the server has made and returns the user name if it is valid now.
func (b *benefits) verify(key, prefix, value string) (username string, ok bool) {
	parts := strings.Split(value, "|")
	if len(parts) != 3 || parts[0] != prefix || !hmac.Equal([]byte(mac(key, parts[0]+"|"+parts[1])), []byte(parts[2])) {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(parts[1])
	inner := strings.Split(string(plain), "|")
	if err != nil || len(inner) != 3 || inner[1] != b.App.ClientID {
		return "", false
	}
	expiry, err := strconv.ParseInt(inner[2], 10, 64)
	return inner[0], err == nil && b.Now().Unix() < expiry
}

// mac is HMAC-SHA-1 in lower-case hex.
func mac(key, text string) string {
	h := hmac.New(sha1.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func (b *benefits) write(w http.ResponseWriter, status int, page benefitsPage) {
	var out bytes.Buffer
	var err error
	if page.Style, err = b.Assets.Path("sample.css"); err == nil {
		page.Script, err = b.Assets.Path("frame-client.js")
	}
	if err == nil {
		err = benefitsLayout.Execute(&out, page)
	}
	if err != nil {
		b.Log.Error("sample application", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// A policy of its own, because it shows a frame, which the product's pages never do.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the browser may have gone
}
