package demo

import (
	"bytes"
	"crypto/subtle"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	duo "github.com/duosecurity/duo_universal_golang/duouniversal"

	"countersign/internal/base/id"
	"countersign/internal/site/web"
)

// sampleLife is how long a session of the sample application lasts.
const sampleLife = time.Hour

// payroll is the sample application. It is written like a separate program: it knows the official client library, its
// key, its secret and an address. It does three things that every integration must do: it asks first whether the
// service is available, it compares the state, and it uses a sign-in that comes back once, so that the Back button
// opens nothing (PAGE-6).
type payroll struct {
	Client   *duo.Client
	Origin   *url.URL        // of the pages: it replaces scheme and host of the client's address
	People   func() []Person // who may sign in, with their passwords
	Cookies  web.Cookies
	Style    func() (string, error) // address of its style sheet
	Rand     io.Reader
	Now      func() time.Time
	Log      *slog.Logger
	mu       sync.Mutex
	sessions map[string]*session // by the value of the cookie
}

// session is one browser at the sample application.
type session struct {
	Since    time.Time
	Username string // whose password was correct
	State    string // of the sign-in that is under way, "" when there is none
	Done     bool   // the second factor was proved too
	Factor   string // the one that was used, in the client library's name
}

// How is the factor in words for the page.
func (s *session) How() string {
	switch s.Factor {
	case "duo_push", "verified_duo_push":
		return "a request on the phone"
	case "duo_mobile_passcode":
		return "a code from the phone"
	case "bypass_code":
		return "a one-time code"
	}
	return "the second step"
}

var sampleLayout = template.Must(template.ParseFS(files, "sample.html", "samples.html"))

// samplePage is everything the sample application can show.
type samplePage struct {
	Style, Title, Error, Detail string
	Username                    string
	Session                     *session // nil: not signed in
	People                      []Person
}

// App, At and Hint are what samples.html shows: the application's name, its address, and what it is.
func (samplePage) App() string  { return "Payroll" }
func (samplePage) At() string   { return "/sample/" }
func (samplePage) Hint() string { return "This is a sample application." }

func (p *payroll) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sample/{$}", p.show)
	mux.HandleFunc("POST /sample/login", p.login)
	mux.HandleFunc("GET /sample/callback", p.callback)
	mux.HandleFunc("POST /sample/logout", p.logout)
}

func (p *payroll) show(w http.ResponseWriter, r *http.Request) {
	s, _ := p.sessionOf(r)
	page := samplePage{Title: "Sign in", People: p.People()}
	if s != nil && s.Done {
		page.Title, page.Session = "Your payslips", s
	}
	p.write(w, http.StatusOK, page)
}

// login checks the password and then redirects the browser to the prompt for the second factor.
func (p *payroll) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, web.FormLimit)
	username := strings.TrimSpace(r.PostFormValue("username"))
	if !p.knows(username, r.PostFormValue("password")) {
		p.write(w, http.StatusForbidden, samplePage{Title: "Sign in", Error: "Wrong name or password.", Username: username, People: p.People()})
		return
	}
	if _, err := p.Client.HealthCheck(); err != nil {
		p.fail(w, http.StatusBadGateway, "The second step is not available. Payroll stays closed until it is.", err)
		return
	}
	state, err := p.Client.GenerateState()
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	address, err := p.Client.CreateAuthURL(username, state)
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	there, err := url.Parse(address)
	if err != nil {
		p.fail(w, http.StatusBadGateway, "The sign-in could not be started.", err)
		return
	}
	there.Scheme, there.Host = p.Origin.Scheme, p.Origin.Host
	p.remember(w, &session{Since: p.Now(), Username: username, State: state})
	http.Redirect(w, r, there.String(), http.StatusSeeOther)
}

// callback is where the browser comes back from the prompt. The state is used up before anything else is read.
func (p *payroll) callback(w http.ResponseWriter, r *http.Request) {
	s, name := p.sessionOf(r)
	q := r.URL.Query()
	if s == nil || s.State == "" || subtle.ConstantTimeCompare([]byte(s.State), []byte(q.Get("state"))) != 1 {
		p.fail(w, http.StatusForbidden, "This sign-in was already used or belongs to another window. Sign in again.", nil)
		return
	}
	p.forget(name)
	if q.Get("error") != "" {
		p.fail(w, http.StatusForbidden, "The sign-in was not finished.", nil)
		return
	}
	code := q.Get("duo_code")
	if code == "" {
		code = q.Get("code")
	}
	result, err := p.Client.ExchangeAuthorizationCodeFor2faResult(code, s.Username)
	if err != nil {
		p.fail(w, http.StatusForbidden, "The sign-in could not be confirmed. Sign in again.", err)
		return
	}
	// A new session after the sign-in, so that nobody who knew the old cookie is signed in too (session fixation).
	p.remember(w, &session{Since: p.Now(), Username: s.Username, Done: true, Factor: result.AuthContext.Factor})
	http.Redirect(w, r, "/sample/", http.StatusSeeOther)
}

func (p *payroll) logout(w http.ResponseWriter, r *http.Request) {
	if _, name := p.sessionOf(r); name != "" {
		p.forget(name)
	}
	p.Cookies.Clear(w, "payroll")
	http.Redirect(w, r, "/sample/", http.StatusSeeOther)
}

func (p *payroll) knows(username, password string) bool {
	for _, person := range p.People() {
		if strings.EqualFold(person.Username, username) {
			return subtle.ConstantTimeCompare([]byte(person.Password), []byte(password)) == 1
		}
	}
	return false
}

// sessionOf returns the session of a browser and the value of its cookie; nil and "" when it has none.
func (p *payroll) sessionOf(r *http.Request) (*session, string) {
	name := p.Cookies.Get(r, "payroll")
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessions[name]
	if s == nil || p.Now().Sub(s.Since) > sampleLife {
		return nil, ""
	}
	return s, name
}

// remember stores a session and sets its cookie. It also drops old sessions, so that memory stays bounded.
func (p *payroll) remember(w http.ResponseWriter, s *session) {
	name := id.Token(p.Rand, 24)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == nil {
		p.sessions = map[string]*session{}
	}
	for old, o := range p.sessions {
		if p.Now().Sub(o.Since) > sampleLife || len(p.sessions) > 10_000 {
			delete(p.sessions, old)
		}
	}
	p.sessions[name] = s
	p.Cookies.Set(w, "payroll", name, 0)
}

func (p *payroll) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, name)
}

// fail shows what went wrong. The error of the client library goes onto the page too, which only a demo may do.
func (p *payroll) fail(w http.ResponseWriter, status int, what string, err error) {
	page := samplePage{Title: "Not signed in", Error: what}
	if err != nil {
		page.Detail = err.Error()
		p.Log.Info("sample application: the client reported an error", "error", err)
	}
	p.write(w, status, page)
}

func (p *payroll) write(w http.ResponseWriter, status int, page samplePage) {
	var err error
	var out bytes.Buffer
	if page.Style, err = p.Style(); err == nil {
		err = sampleLayout.Execute(&out, page)
	}
	if err != nil {
		p.Log.Error("sample application", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the browser may have gone
}
